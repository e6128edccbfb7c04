import type { Metadata } from 'next';

export const metadata: Metadata = { title: 'About' };

export default function About() {
  return (
    <>
      <h1>About</h1>
      <p className="lead">
        Pages are rendered on the server. The browser talks to this application only: it passes
        questions on to the backend, whose address stays inside the cluster.
      </p>
    </>
  );
}
