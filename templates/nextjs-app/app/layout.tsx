import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import './style.css';

export const metadata: Metadata = {
  title: { default: 'Lessons', template: '%s · Lessons' },
  description: 'A small Next.js application in front of a FastAPI service.',
};

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <header>
          <Link href="/" className="brand">
            Lessons
          </Link>
          <nav>
            <Link href="/">Home</Link>
            <Link href="/about">About</Link>
          </nav>
        </header>
        <main>{children}</main>
        <footer>{process.env.NEXT_PUBLIC_FOOTER ?? 'Next.js on Kubernetes'}</footer>
      </body>
    </html>
  );
}
