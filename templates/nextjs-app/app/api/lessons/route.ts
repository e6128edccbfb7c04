import { readLessons } from '@/lib/backend';

export const dynamic = 'force-dynamic';

export async function GET() {
  const answer = await readLessons(process.env.BACKEND_URL, fetch);
  return Response.json(answer.body, { status: answer.status });
}
