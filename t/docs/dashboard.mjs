// Asks a Prometheus that watches a live chat all that the Grafana dashboard
// asks, and prints what comes; ends with 1 if something has no answer. Needs
// Debian's package prometheus, which is too large for the suite:
//
//     ./chat build && node t/docs/dashboard.mjs
//
// The port is DOCS_PROMETHEUS_PORT (23500).

import fs from 'node:fs';

import { user } from '../e2e/lib/http.mjs';
import { start, until } from '../e2e/lib/server.mjs';
import { closeAll, connect } from '../e2e/lib/sio.mjs';
import { read } from './lib/blocks.mjs';
import { Program, temporary } from './lib/sandbox.mjs';

const port = process.env.DOCS_PROMETHEUS_PORT ?? 23500;
const dir = temporary();
const server = await start({
  server: 'location = /chat-status { chat_status; }',
});
fs.writeFileSync(`${dir}/prometheus.yml`, `
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: chat
    metrics_path: /chat-status
    params: { format: [prometheus] }
    static_configs: [{ targets: ['127.0.0.1:${server.port}'] }]
`);
const prometheus = new Program('prometheus', [
  `--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`,
  `--web.listen-address=127.0.0.1:${port}`]);

async function ask(expr) {
  const query = expr.replaceAll('$__rate_interval', '10s')
    .replaceAll('$instance', '.*');
  const reply = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${
    encodeURIComponent(query)}`);
  const { status, data, error } = await reply.json();
  return status === 'success' ? data.result : `${expr}: ${error}`;
}

let bad = 0;
try {
  const clients = [];
  for (let i = 0; i < 2; i++) clients.push(await connect(await user(server)));
  const scrapes = async () => Number((await ask('count_over_time('
    + 'nginx_chat_workers[1m])').catch(() => []))[0]?.value[1] ?? 0);
  await until(async () => {
    await clients[0].send('0', 'for the figures');
    await user(server);                 // passwords, of which the rate is asked
    return await scrapes() >= 5;
  }, 'five scrapes', 60000, 300);

  const { panels } = JSON.parse(read('docker/grafana-dashboard.json'));
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const result = await ask(expr);
      const values = Array.isArray(result)
        ? result.map(({ metric, value }) => `${
          legendFormat.replace(/\{\{(\w+)\}\}/g, (_, name) => metric[name])
        } ${value[1]}`) : [];
      console.log(`${title}: ${values.join(', ') || `NOTHING: ${expr}`}`);
      if (!values.length || values.some((v) => /undefined|NaN/.test(v))) bad++;
    }
  }
  await closeAll(clients);
} finally {
  await prometheus.end();
  await server.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}
process.exitCode = bad ? 1 : 0;
