import Link from 'next/link';

export const dynamic = 'force-dynamic';

export default function Home() {
  return (
    <main>
      <h1>{process.env.NEXT_PUBLIC_GREETING}</h1>
      <p>{process.env.ANSWER}</p>
      <Link href="/more">More</Link>
    </main>
  );
}
