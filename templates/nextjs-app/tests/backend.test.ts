import { describe, expect, it } from 'vitest';
import { readLessons } from '../lib/backend';

const ADDRESS = 'http://backend.example';
const answers = (body: unknown, status = 200): typeof fetch => async () => Response.json(body, { status });

describe('readLessons', () => {
  it('shows examples where no backend is named', async () => {
    const { status, body } = await readLessons(undefined, answers([]));
    expect(status).toBe(200);
    expect(body).toMatchObject({ demo: true });
  });

  it('asks the backend for its lessons', async () => {
    const asked: string[] = [];
    const get: typeof fetch = async (url) => {
      asked.push(String(url));
      return Response.json([{ id: 'a', title: 'One' }]);
    };
    expect(await readLessons(ADDRESS, get)).toEqual({
      status: 200,
      body: { lessons: [{ id: 'a', title: 'One' }], demo: false },
    });
    expect(asked).toEqual([`${ADDRESS}/lessons`]);
  });

  it.each([
    ['an error', answers({}, 500), 502, 'answered 500'],
    ['something else', answers({ lessons: 1 }), 502, 'no list of lessons'],
    ['entries of another shape', answers([{ id: 1 }]), 502, 'no list of lessons'],
    ['nothing at all', async () => Promise.reject(new TypeError('fetch failed')), 502, 'cannot be reached'],
    ['too late', async () => Promise.reject(new DOMException('', 'TimeoutError')), 504, 'did not answer'],
  ])('says so when the backend sends %s', async (_, get, status, words) => {
    const answer = await readLessons(ADDRESS, get as typeof fetch);
    expect(answer.status).toBe(status);
    expect(answer.body).toHaveProperty('error', expect.stringContaining(words));
  });

  // BACKEND_URL=http://localhost:8000 npm test
  it.skipIf(!process.env.BACKEND_URL)('reads the lessons of a backend that runs', async () => {
    const answer = await readLessons(process.env.BACKEND_URL, fetch);
    expect(answer).toMatchObject({ status: 200, body: { demo: false } });
  });
});
