'use client';

import { useEffect, useState } from 'react';
import type { Lesson } from '@/lib/backend';

type State = { lessons: Lesson[]; demo: boolean } | { error: string } | null;

export function Lessons() {
  const [state, setState] = useState<State>(null);

  useEffect(() => {
    const gone = new AbortController();
    fetch('/api/lessons', { signal: gone.signal })
      .then((response) => response.json())
      .then(setState)
      .catch(() => gone.signal.aborted || setState({ error: 'this application cannot be reached' }));
    return () => gone.abort();
  }, []);

  if (state === null) return <p className="card quiet" role="status">Loading…</p>;
  if ('error' in state) {
    return (
      <p className="card bad" role="alert">
        No lessons: {state.error}.
      </p>
    );
  }
  return (
    <>
      <ul className="cards">
        {state.lessons.map(({ id, title }) => (
          <li key={id} className="card">
            {title}
          </li>
        ))}
      </ul>
      {state.demo && <p className="quiet">These are examples: set BACKEND_URL to the address of a backend.</p>}
    </>
  );
}
