// A site around a folder of Markdown. `skill run docusaurus-deploy` sets title, address and paths.
import fs from 'node:fs';

const title = process.env.SITE_TITLE || 'Documentation';

// The folder getting-started is the section "Getting started", unless its _category_.yml says else.
const asWords = (name) =>
  /^[a-z0-9_-]+$/.test(name) ? (name[0].toUpperCase() + name.slice(1)).replace(/[-_]+/g, ' ') : name;
const labelled = (items) =>
  items.map((item) =>
    item.type === 'category' ? { ...item, label: asWords(item.label), items: labelled(item.items) } : item,
  );

/** @type {import('@docusaurus/types').Config} */
export default {
  title,
  url: 'http://localhost',
  baseUrl: '/',
  favicon: 'icon.svg',
  trailingSlash: false,
  onBrokenLinks: 'throw',
  onBrokenAnchors: 'throw',
  onDuplicateRoutes: 'throw',
  // .md is CommonMark and .mdx is MDX: a `<name>` in prose is no component.
  markdown: { format: 'detect', hooks: { onBrokenMarkdownLinks: 'throw', onBrokenMarkdownImages: 'throw' } },
  presets: [
    [
      'classic',
      {
        docs: {
          path: 'docs',
          routeBasePath: '/',
          sidebarPath: './sidebars.js',
          sidebarItemsGenerator: async ({ defaultSidebarItemsGenerator, ...given }) =>
            labelled(await defaultSidebarItemsGenerator(given)),
        },
        blog: false,
        pages: false,
        theme: { customCss: './src/css/custom.css' },
      },
    ],
  ],
  themes: [
    [
      '@easyops-cn/docusaurus-search-local',
      { hashed: true, indexBlog: false, indexPages: false, docsRouteBasePath: '/', docsDir: fs.existsSync('docs') ? 'docs' : '.' },
    ],
  ],
  themeConfig: {
    colorMode: { respectPrefersColorScheme: true },
    navbar: { title, logo: { alt: '', src: 'icon.svg' } },
  },
};
