// A broadcaster on uWebSockets.js: every text that a client sends goes to all
// clients; no users, nothing is stored.
//
//   node uws.mjs PORT

import uws from 'uwebsockets';

const app = uws.App();

app.ws('/*', {
  compression: uws.DISABLED,
  maxBackpressure: 64 * 1024 * 1024,
  idleTimeout: 0,
  open: (ws) => ws.subscribe('all'),
  message: (ws, message) => app.publish('all', message, false),
});

app.listen('127.0.0.1', Number(process.argv[2]), (listening) => {
  if (!listening) process.exit(1);
});
