// Loaded before Next's own server (node --require). A rolling update then drops nothing:
//
// - While this pod ends, every answer says `Connection: close`, so that clients which keep their
//   connection come back to another pod; the server stops only after that.
// - A page of one version may ask a pod of another version for its assets. Names under
//   /_next/static/ change with their content, so any pod may serve any version's: a pod keeps a
//   copy of what the pods before it served, and asks those of its peers that list it for what it
//   does not have. Peers are asked for their lists at most every LISTS_EVERY ms, however many
//   unknown names are asked for, and copies take at most KEPT_BYTES: the oldest go first.
//
// PEERS is the name of a headless Service of all pods, POD_IP this pod's own address. Answers about
// that name are kept on their way (for 30 s by kubeadm's CoreDNS), and a new pod serves sooner. So
// whoever asks for this pod's list is remembered as well, and believed once the Service has a name
// for its address, which nobody has asked about before.
'use strict';

const dns = require('node:dns').promises;
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const DRAIN = 1000 * Number(process.env.DRAIN_SECONDS || 12);
const KEPT_BYTES = Number(process.env.KEPT_BYTES || 48 * 1024 * 1024);
const LIST_BYTES = 4 * 1024 * 1024; // of a peer's answer about its assets
const LISTS_EVERY = 250;
const LIST = '/_skill/assets';
const MARK = 'x-skill-peer'; // a peer's question is not passed on
const OWN = path.join(process.cwd(), '.next', 'static');
const KEPT = path.join(process.env.KEPT_ASSETS || '/tmp', 'kept-assets');
const TYPES = {
  '.js': 'application/javascript; charset=UTF-8', '.css': 'text/css; charset=UTF-8',
  '.json': 'application/json; charset=UTF-8', '.map': 'application/json; charset=UTF-8',
  '.txt': 'text/plain; charset=UTF-8', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif', '.webp': 'image/webp',
  '.avif': 'image/avif', '.ico': 'image/x-icon', '.woff': 'font/woff', '.woff2': 'font/woff2',
  '.ttf': 'font/ttf', '.wasm': 'application/wasm',
};

process.env.NEXT_MANUAL_SIG_HANDLE = 'true';
process.env.KEEP_ALIVE_TIMEOUT ||= '75000'; // longer than proxies keep theirs (60 s)

const servers = new Set();
let draining = false;

const create = http.createServer;
http.createServer = function createServer(...given) {
  const listener = typeof given.at(-1) === 'function' ? given.pop() : undefined;
  const server = create.call(http, ...given, (request, response) => {
    if (draining) response.setHeader('Connection', 'close');
    answer(request, response, listener ?? (() => {})).catch(() => response.destroy());
  });
  servers.add(server);
  return server;
};

async function answer(request, response, next) {
  const asset = assetOf(request.url);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const fromPeer = request.headers[MARK] !== undefined;
  if (fromPeer && request.url === LIST) return sendList(request, response);
  if (!asset || !reads || fs.existsSync(path.join(OWN, asset))) return next(request, response);
  if (!has(asset) && (fromPeer || !(await fetchFromPeers(asset, request.url)))) {
    return next(request, response); // Next's own 404
  }
  response.writeHead(200, {
    'Content-Type': TYPES[path.extname(asset).toLowerCase()] ?? 'application/octet-stream',
    'Content-Length': fs.statSync(path.join(KEPT, asset)).size,
    'Cache-Control': 'public, max-age=31536000, immutable',
  });
  if (request.method === 'HEAD') return response.end();
  fs.createReadStream(path.join(KEPT, asset)).on('error', () => response.destroy()).pipe(response);
}

// The name below /_next/static/, undefined for other addresses and for names that leave it.
function assetOf(url) {
  const found = /\/_next\/static\/([^?#]+)/.exec(url);
  if (!found) return undefined;
  try {
    const name = path.posix.normalize(decodeURIComponent(found[1]));
    return name.startsWith('..') || name.startsWith('/') || name.includes('\0') ? undefined : name;
  } catch {
    return undefined;
  }
}

const has = (asset) => fs.statSync(path.join(KEPT, asset), { throwIfNoEntry: false })?.isFile() ?? false;

function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

// Every asset that this pod can serve: [name, bytes, when it was last a pod's own (ms)].
function inventory() {
  const row = (folder, file, at) => {
    const { size, mtimeMs } = fs.statSync(file);
    return [path.relative(folder, file).split(path.sep).join('/'), size, at ?? mtimeMs];
  };
  return [
    ...filesIn(OWN).map((file) => row(OWN, file, Date.now())),
    ...filesIn(KEPT).map((file) => row(KEPT, file)),
  ];
}

const MOST_CALLERS = 64;
const callers = new Set(); // addresses, the latest last

function sendList(request, response) {
  const address = request.socket.remoteAddress?.replace(/^::ffff:/, '');
  if (address) {
    callers.delete(address);
    callers.add(address);
    if (callers.size > MOST_CALLERS) callers.delete(callers.values().next().value);
  }
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(inventory()));
}

async function addressesOf(name) {
  return (await dns.lookup(name, { all: true }).catch(() => [])).map(({ address }) => address);
}

async function peers() {
  const service = process.env.PEERS;
  if (!service) return [];
  const isPeer = async (address) =>
    (await addressesOf(`${address.replace(/[.:]/g, '-')}.${service}`)).includes(address);
  const known = new Set(await addressesOf(service));
  const asked = [...callers].filter((address) => !known.has(address));
  const real = await Promise.all(asked.map(isPeer));
  for (const address of asked.filter((_, index) => real[index])) known.add(address);
  known.delete(process.env.POD_IP);
  return [...known];
}

// A peer's answer; refused when it is longer than `most` bytes.
function ask(host, url, most) {
  return new Promise((resolve, reject) => {
    const request = http.get(
      {
        host, path: url, port: process.env.PORT || 3000, localAddress: process.env.POD_IP,
        headers: { [MARK]: '1' }, timeout: 3000, agent: false,
      },
      (response) => {
        const parts = [];
        let length = 0;
        response.on('data', (part) => {
          length += part.length;
          if (length > most) request.destroy(new Error(`${host} sends more than it lists`));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(Buffer.concat(parts))
            : reject(new Error(`${host} answered ${response.statusCode}`)),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${host} did not answer`)));
    request.on('error', reject);
  });
}

// What the peers have now, by name: [{ size, at, host }].
async function readLists() {
  const found = new Map();
  const list = async (host) => {
    for (const [name, size, at] of JSON.parse(await ask(host, LIST, LIST_BYTES))) {
      if (!found.has(name)) found.set(name, []);
      found.get(name).push({ size, at, host });
    }
  };
  await Promise.allSettled((await peers()).map(list));
  return found;
}

// The lists as they are after this call: whoever calls meanwhile shares the next reading.
let waiting;
let lastRead = 0;
function freshLists() {
  waiting ??= (async () => {
    const pause = Math.max(0, lastRead + LISTS_EVERY - Date.now());
    await new Promise((done) => setTimeout(done, pause));
    waiting = undefined;
    lastRead = Date.now();
    return readLists();
  })();
  return waiting;
}

async function fetchFromPeers(asset, url) {
  for (const { size, host } of (await freshLists()).get(asset) ?? []) {
    if (has(asset)) return true; // another request fetched it
    if (size > KEPT_BYTES) continue;
    try {
      keep(asset, await ask(host, url, size), Date.now());
      return true;
    } catch {} // it went meanwhile: the next one
  }
  return false;
}

let number = 0;
function keep(asset, content, at) {
  const target = path.join(KEPT, asset);
  const half = path.join(KEPT, `${++number}.part`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  makeRoom(content.length);
  fs.writeFileSync(half, content);
  fs.utimesSync(half, at / 1000, at / 1000);
  fs.renameSync(half, target);
}

// Delete the oldest copies until `bytes` more fit.
function makeRoom(bytes) {
  const files = filesIn(KEPT).map((file) => ({ file, ...fs.statSync(file) }));
  let total = files.reduce((sum, { size }) => sum + size, bytes);
  for (const { file, size } of files.sort((one, other) => one.mtimeMs - other.mtimeMs)) {
    if (total <= KEPT_BYTES) return;
    fs.rmSync(file);
    total -= size;
  }
}

// At the start: what the pods before this one serve, the newest first, within KEPT_BYTES.
async function inherit() {
  const rows = [...(await freshLists())].map(([name, [first]]) => ({ name, ...first }));
  let total = 0;
  for (const { name, size, at, host } of rows.sort((one, other) => other.at - one.at)) {
    const url = `/_next/static/${encodeURI(name)}`;
    const asset = assetOf(url);
    if (!asset || has(asset) || fs.existsSync(path.join(OWN, asset))) continue;
    total += size;
    if (total > KEPT_BYTES) break;
    await ask(host, url, size).then((content) => keep(asset, content, at), () => {});
  }
}

let end;
process.on('SIGTERM', () => {
  end ??= drain();
});
process.on('SIGINT', () => process.exit(130));

async function drain() {
  draining = true;
  await new Promise((done) => setTimeout(done, DRAIN));
  for (const server of servers) {
    if (!server.listening) continue;
    await new Promise((done) => {
      server.close(done);
      server.closeIdleConnections();
    });
  }
  process.exit(0);
}

inherit().catch((error) => console.error(`assets of other versions were not copied: ${error.message}`));
