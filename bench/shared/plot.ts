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

/** As many as there are lines, distinct on white; ours is the first, floors are grey. */
const COLORS = [
  '#d62728',
  '#1f77b4',
  '#2ca02c',
  '#ff7f0e',
  '#9467bd',
  '#8c564b',
  '#e377c2',
  '#17becf',
  '#bcbd22',
  '#003f5c',
  '#7a5195',
  '#ffa600',
  '#488f31',
  '#00b894',
];
const GREY = '#777777';

const WIDTH = 1000;
const HEIGHT = 560;
const LEGEND = 280;

/** 1,000 and 0.001, without the noise of binary fractions. */
const label = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 9 });

export function svgOf(plot: Plot): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const axis = {
    nameLocation: 'middle',
    nameTextStyle: { fontSize: 13 },
    minorSplitLine: { show: false },
    axisLabel: { formatter: label },
  };
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: plot.title, subtext: plot.subtitle, left: 'center', top: 8 },
    legend: {
      orient: 'vertical',
      left: WIDTH - LEGEND + 10,
      top: 'middle',
      itemWidth: 20,
      textStyle: { fontSize: 11 },
    },
    grid: { left: 70, right: LEGEND, top: 70, bottom: 55 },
    xAxis: { ...axis, type: plot.xType, name: plot.x, nameGap: 30, min: 'dataMin', max: 'dataMax' },
    yAxis: { ...axis, type: plot.yType, name: plot.y, nameGap: 48 },
    series: plot.lines.map(({ name, points, ours, floor }, i) => ({
      type: 'line',
      name,
      data: points,
      showSymbol: plot.markers,
      color: floor === true ? GREY : COLORS[i % COLORS.length],
      lineStyle: { width: ours === true ? 4 : 1.5, type: floor === true ? 'dashed' : 'solid' },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
