// Made by `skill` beside the site's own configuration, which it takes as it is.
import fs from 'node:fs';
import own from '@OWN@';

const given = @GIVEN@;

export default async (...context) => {
  const site = { ...(typeof own === 'function' ? await own(...context) : await own), ...given };
  const { baseUrl, trailingSlash } = site;
  fs.writeFileSync('skill-site.json', JSON.stringify({ baseUrl, trailingSlash }));
  return { ...site, onBrokenLinks: 'throw' };
};
