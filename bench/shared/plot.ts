// Line charts as SVG, drawn without a browser by echarts.
import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

echarts.use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** Ours is drawn thicker. */
  readonly ours?: boolean;
  /** A floor is drawn dashed. */
  readonly floor?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly xType: 'log' | 'value';
  readonly yType: 'log' | 'value';
  readonly markers: boolean;
  readonly lines: readonly Line[];
}

const WIDTH = 960;
const HEIGHT = 560;

export function svgOf(plot: Plot): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const axis = { nameLocation: 'middle', nameTextStyle: { fontSize: 13 }, minorSplitLine: { show: false } };
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: plot.title, subtext: plot.subtitle, left: 'center', top: 8 },
    legend: { orient: 'vertical', right: 8, top: 'middle', type: 'plain', itemWidth: 20 },
    grid: { left: 70, right: 300, top: 70, bottom: 55 },
    xAxis: { ...axis, type: plot.xType, name: plot.x, nameGap: 30 },
    yAxis: { ...axis, type: plot.yType, name: plot.y, nameGap: 48 },
    series: plot.lines.map(({ name, points, ours, floor }) => ({
      type: 'line',
      name,
      data: points,
      showSymbol: plot.markers,
      lineStyle: { width: ours === true ? 4 : 1.5, type: floor === true ? 'dashed' : 'solid' },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
