// The one place that talks to the backend: its answer, checked, or why there is none.

export type Lesson = { id: string; title: string };
export type Answer =
  | { status: 200; body: { lessons: Lesson[]; demo: boolean } }
  | { status: 502 | 504; body: { error: string } };

const DEMO: Lesson[] = [
  { id: 'pods', title: 'Pods, and why they die' },
  { id: 'probes', title: 'Probes that tell the truth' },
  { id: 'events', title: 'Events between services' },
];
const PATIENCE = 5000; // milliseconds

export async function readLessons(address: string | undefined, get: typeof fetch): Promise<Answer> {
  if (!address) return { status: 200, body: { lessons: DEMO, demo: true } };
  try {
    const response = await get(new URL('/lessons', address), {
      signal: AbortSignal.timeout(PATIENCE),
      cache: 'no-store',
    });
    if (!response.ok) return failed(`the backend answered ${response.status}`);
    const data: unknown = await response.json();
    if (!Array.isArray(data) || !data.every(isLesson)) return failed('the backend sent no list of lessons');
    return { status: 200, body: { lessons: data, demo: false } };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return { status: 504, body: { error: `the backend did not answer within ${PATIENCE / 1000} s` } };
    }
    return failed('the backend cannot be reached');
  }
}

function failed(error: string): Answer {
  return { status: 502, body: { error } };
}

function isLesson(value: unknown): value is Lesson {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Lesson).id === 'string' &&
    typeof (value as Lesson).title === 'string'
  );
}
