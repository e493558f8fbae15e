// Groups of horizontal bars on a logarithmic axis as SVG, drawn without a browser by echarts.
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

echarts.use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Bars {
  readonly title: string;
  readonly subtitle: string;
  readonly value: string;
  readonly categories: readonly string[];
  /** A value for each category; null where there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

const WIDTH = 960;
const BAR = 8;

export function barsSvg({ title, subtitle, value, categories, series }: Bars): string {
  const height = 140 + categories.length * (series.length + 2) * BAR;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, subtext: subtitle, left: 'center', top: 8 },
    legend: { bottom: 8, type: 'plain' },
    grid: { left: 120, right: 30, top: 70, bottom: 70 },
    xAxis: { type: 'log', name: value, nameLocation: 'middle', nameGap: 25 },
    yAxis: { type: 'category', data: categories, inverse: true },
    series: series.map(({ name, values }) => ({ type: 'bar', name, data: values, barGap: 0, barWidth: BAR })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
