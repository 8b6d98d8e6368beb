-- A faiss index on a prediction column of type vector: a deployment builds it anew.
CREATE SCHEMA faiss_predictions;
SET search_path = faiss_predictions, public;
SET max_parallel_maintenance_workers = 0;
SET jit = off;
SET client_min_messages = warning;
SELECT pgml.load_dataset('iris') \g (format=unaligned tuples_only) /dev/null
CREATE VIEW measures AS SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
CREATE VIEW some_measures AS SELECT * FROM measures WHERE petal_length > 3;
SELECT deployed FROM pgml.train('faiss iris', 'decomposition', 'measures', algorithm => 'pca', test_size => 0);
CREATE TABLE flowers (id int GENERATED ALWAYS AS IDENTITY, sepal_length real, sepal_width real, petal_length real, petal_width real,
	spot vector(4) GENERATED ALWAYS AS (pgml.embed('faiss iris', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO flowers (sepal_length, sepal_width, petal_length, petal_width)
	SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris ORDER BY 1, 2, 3, 4;
CREATE INDEX flowers_spot ON flowers USING faiss (spot);
SET pgml.recall = 1;
CREATE FUNCTION same_order() RETURNS TABLE (rows bigint, same boolean) LANGUAGE plpgsql AS $$
DECLARE
	a text; b text;
	statement text = 'SELECT count(*), string_agg(round(d::numeric, 5)::text, '' '' ORDER BY n) FROM
		(SELECT d, row_number() OVER () n FROM (SELECT spot <-> ''[0.5,0.5,0,0]'' AS d FROM flowers ORDER BY spot <-> ''[0.5,0.5,0,0]'' OFFSET 0) s) s';
BEGIN
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	EXECUTE statement INTO rows, a;
	SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on; SET LOCAL enable_indexscan = off;
	EXECUTE statement INTO rows, b;
	same := a = b;
	RETURN NEXT;
END $$;
CREATE FUNCTION same_range() RETURNS TABLE (rows bigint, in_index boolean, in_bitmap boolean) LANGUAGE plpgsql AS $$
DECLARE
	a text; b text; statement text = 'SELECT count(*), string_agg(id::text, '' '' ORDER BY id) FROM flowers WHERE spot <-> ''[0.5,0.5,0,0]'' <= 1.5';
BEGIN
	SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
	EXECUTE statement INTO rows, a;
	SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;
	EXECUTE statement INTO rows, b;
	in_index := a = b;
	SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = on;
	EXECUTE statement INTO rows, b;
	in_bitmap := a = b;
	RETURN NEXT;
END $$;
SET pgml.batch = off; -- without the node that names the model
EXPLAIN (COSTS OFF) SELECT id FROM flowers ORDER BY spot <-> '[0.5,0.5,0,0]' LIMIT 3;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM flowers WHERE spot <-> '[0.5,0.5,0,0]' < 0.5 ORDER BY spot <-> '[0.5,0.5,0,0]' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM flowers WHERE spot <-> '[0.5,0.5,0,0]' < 0.5;
RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort;
RESET pgml.batch;
SELECT * FROM same_order();
SELECT * FROM same_range();
-- The node of EXPLAIN ANALYZE stands between the search and the one that predicts.
CREATE FUNCTION explained(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text; plan text = '';
BEGIN
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE) ' || statement LOOP plan := plan || E'\n' || line; END LOOP;
	RETURN concat_ws(' > ', VARIADIC ARRAY(SELECT m[1] FROM regexp_matches(plan, '(PgmlPredict|PgmlSearchStatistics|Vectors Reranked: \d+|Index Scan|Rows Predicted: \d+)', 'g') m));
END $$;
SELECT explained($$SELECT id, spot FROM flowers ORDER BY spot <-> '[0.5,0.5,0,0]' LIMIT 3$$);
LOAD 'auto_explain';
SET auto_explain.log_analyze = on; SET auto_explain.log_nested_statements = on; SET auto_explain.log_min_duration = 0;
SELECT * FROM same_order();
SET auto_explain.log_min_duration = -1;
SELECT md5(string_agg(spot::text, ',' ORDER BY id)) AS before FROM flowers \gset
SELECT deployed FROM pgml.train('faiss iris', 'decomposition', 'some_measures', algorithm => 'pca', test_size => 0, automatic_deploy => false);
SELECT d.strategy FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id) d;
SELECT md5(string_agg(spot::text, ',' ORDER BY id)) <> :'before' AS other_model FROM flowers;
SELECT * FROM same_order();
SELECT * FROM same_range();
INSERT INTO flowers (sepal_length, sepal_width, petal_length, petal_width) VALUES (5, 3, 1, 0.2), (7, 3, 5, 2), (NULL, 3, 5, 2);
SELECT * FROM same_order();
DROP SCHEMA faiss_predictions CASCADE;
