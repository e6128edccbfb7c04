// Added by `skill`: answers while the server does, whatever the application's own services do.
export const dynamic = 'force-dynamic';

export function GET() {
  return Response.json({ status: 'ok' });
}
