import { Lessons } from '@/components/lessons';

export default function Home() {
  return (
    <>
      <h1>What will you learn today?</h1>
      <p className="lead">The list comes from the backend, through a route handler of this application.</p>
      <Lessons />
    </>
  );
}
