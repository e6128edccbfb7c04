// Added by `skill`: answers while the server does, whatever the application's own services do.
/* eslint-disable */
// @ts-nocheck
import { connection } from 'next/server';

export async function GET() {
  await connection(); // asked of the server each time, with `cacheComponents` as without
  return Response.json({ status: 'ok' });
}
