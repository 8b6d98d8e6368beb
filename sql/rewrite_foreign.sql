-- Foreign tables: a plain column of one is computed by its server; a foreign partition of a table with a prediction column is
-- computed here, like the other partitions.
CREATE SCHEMA regress_rewrite_foreign;
SET search_path = regress_rewrite_foreign;
SET client_min_messages = warning;
CREATE TABLE sales AS SELECT a::real, a % 5 AS b, (3.0 * a + 7 * (a % 5) + 11)::real AS y FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('rewrite foreign', 'regression', 'sales', 'y');
CREATE EXTENSION postgres_fdw;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
	EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE houses (id int, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite foreign', a, b)) STORED) USING pgml;
INSERT INTO houses SELECT i, i, i % 5 FROM generate_series(1, 9) i;
CREATE TABLE remote (id int, a real, b int, p float8);
INSERT INTO remote SELECT id, a, b FROM houses;
RESET client_min_messages;

-- Filter, order and limit go to the server that has the prediction column.
CREATE FOREIGN TABLE far_houses (id int, a real, b int, p float8) SERVER loopback OPTIONS (table_name 'houses', schema_name 'regress_rewrite_foreign');
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, p FROM far_houses WHERE p > 40 ORDER BY p LIMIT 2;
SELECT id, round(p) AS p FROM far_houses WHERE p > 40 ORDER BY p LIMIT 2;

CREATE TABLE part (id int, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite foreign', a, b)) STORED) PARTITION BY RANGE (id);
CREATE TABLE part_here PARTITION OF part FOR VALUES FROM (100) TO (200) USING pgml;
CREATE FOREIGN TABLE part_there PARTITION OF part FOR VALUES FROM (0) TO (100)
	SERVER loopback OPTIONS (table_name 'remote', schema_name 'regress_rewrite_foreign');
INSERT INTO part VALUES (101, 1, 1), (50, 7, 2) RETURNING id, round(p) AS p, round((part).p) AS row_p;
SELECT tableoid::regclass, count(*), count(*) FILTER (WHERE round(p) = 3 * a + 7 * b + 11 AND (x).p = p) AS right FROM part x GROUP BY 1 ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE round(p) = 3 * a + 7 * b + 11 AND (x).p = p) AS right FROM part_there x;
UPDATE part SET a = a + 1 WHERE p < 25 RETURNING id, round(p) AS p, round((part).p) AS row_p;
UPDATE part_there SET a = a + 1 WHERE p > 50 RETURNING id, round(p) AS p;
DELETE FROM part WHERE p > 40 AND id > 100 OR id = 9 RETURNING id, round(p) AS p;
-- What the foreign server holds is not the prediction.
SELECT count(*), count(p) FROM remote;

SET client_min_messages = warning;
DROP SCHEMA regress_rewrite_foreign CASCADE;
DELETE FROM pgml.projects WHERE name = 'rewrite foreign';
