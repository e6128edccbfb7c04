-- Another connection, made with the `uri` of the Secret. A row counts only if it is as written.
\getenv uri URI
\connect :uri
SELECT (count(*) = 1000) AS whole,
  count(*) || ' rows came back' AS said,
  1000 - count(*) || ' of 1000 rows are lost or changed' AS missed
FROM :"schema".rows WHERE words = md5(id::text) \gset
\if :whole
  \echo :said
\else
  \warn :missed
\endif
