-- Three connections: by the Secret's parts, its `uri` and its `direct-uri`; each verifies the server.
SELECT 1;
\getenv uri URI
\connect :uri
SELECT 1;
\getenv direct DIRECT_URI
\connect :direct
SELECT 1;
\echo SELECT 1 answered by uri and by direct-uri, the server verified
