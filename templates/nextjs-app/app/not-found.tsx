import Link from 'next/link';

export default function NotFound() {
  return (
    <>
      <h1>This page does not exist</h1>
      <p className="lead">
        Go back to <Link href="/">the first one</Link>.
      </p>
    </>
  );
}
