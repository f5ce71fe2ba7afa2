import { adminText } from "../text/admin";
import { FIGURES, lineOf, shortNumber, type Series } from "./series";

const WIDTH = 120;
const HEIGHT = 32;

/** Small lines of what goes on; the newest is at the right. */
export function Charts({ series }: { series: Series }) {
  return (
    <section aria-labelledby="admin-charts">
      <h2 id="admin-charts">{adminText.charts}</h2>
      <ul className="charts">
        {FIGURES.map((figure) => {
          const points = series.points[figure];
          const now = shortNumber(points[points.length - 1] ?? 0);
          const most = shortNumber(Math.max(...points, 0));
          const name = adminText.chart[figure];

          return (
            <li key={figure} className="chart">
              <p className="soft">{name}</p>
              <p className="chart-now">{now}</p>
              <svg
                role="img"
                aria-label={adminText.chartLabel(name, now, most)}
                viewBox={`-1 -2 ${WIDTH + 2} ${HEIGHT + 4}`}
                preserveAspectRatio="none"
              >
                <path className="chart-ground" d={`M0 ${HEIGHT}H${WIDTH}`} />
                <path className="chart-line" d={lineOf(points, WIDTH, HEIGHT)} />
              </svg>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
