'use client';

export default function Failed({ reset }: { error: Error; reset: () => void }) {
  return (
    <div className="card bad" role="alert">
      <p>This page could not be shown.</p>
      <button type="button" onClick={reset}>
        Try again
      </button>
    </div>
  );
}
