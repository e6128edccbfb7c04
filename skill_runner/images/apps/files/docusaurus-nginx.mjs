// After the build: the pages where nginx looks for them, and an nginx.conf that knows their paths.
import fs from 'node:fs';
import path from 'node:path';

const { baseUrl, trailingSlash } = JSON.parse(fs.readFileSync('skill-site.json', 'utf8'));
const target = path.join('skill-out/html', baseUrl);
fs.mkdirSync(path.dirname(path.resolve(target)), { recursive: true });
fs.cpSync('build', target, { recursive: true });

// Docusaurus writes a/index.html, or a.html with `trailingSlash: false`. One address is the right
// one, and the other leads to it once; without a setting both are answered as they are.
const pages = {
  true: `
            if (-d $request_filename) { rewrite ^(.*[^/])$ $1/ permanent; }
            try_files $uri $uri/index.html =404;`,
  false: `
            if ($uri ~ ^(.+)/$) { set $bare $1; }
            if (-f $document_root$bare.html) { return 301 $bare$is_args$args; }
            try_files $uri $uri.html $uri/index.html =404;`,
  undefined: `
            try_files $uri $uri/index.html $uri.html =404;`,
}[trailingSlash];

const root =
  baseUrl === '/'
    ? ''
    : `
        location = / { return 302 ${baseUrl}; }
        location = ${baseUrl.slice(0, -1)} { return 301 ${baseUrl}; }`;

const text = fs
  .readFileSync('skill-nginx.conf', 'utf8')
  .replaceAll('@BASE@', baseUrl)
  .replaceAll('@BASE_PATTERN@', baseUrl.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  .replace('@PAGES@', () => pages)
  .replace('@ROOT@', () => root);
fs.writeFileSync('skill-out/nginx.conf', text);
