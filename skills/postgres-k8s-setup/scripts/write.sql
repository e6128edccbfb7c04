BEGIN;
CREATE SCHEMA :"schema";
CREATE TABLE :"schema".rows (id int PRIMARY KEY, words text NOT NULL);
INSERT INTO :"schema".rows SELECT i, md5(i::text) FROM generate_series(1, 1000) AS i;
COMMIT;
SELECT count(*) || ' rows are written' FROM :"schema".rows;
