-- predict, classify, predict_proba and class_probability of one model and row run the model once. Compared with single
-- calls (pgml.batch = off) and with PgmlPredict (pgml.fused_scan = off).
CREATE SCHEMA shared_margins;
SET search_path = shared_margins;
SET client_min_messages = warning;
\pset tuples_only on
-- Number of rows when all three ways give the same ones, in the same order.
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sums text[];
	n bigint;
	setting text;
	sum text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['fused', 'unfused', 'row'] LOOP
		PERFORM set_config('pgml.fused_scan', CASE setting WHEN 'fused' THEN 'on' ELSE 'off' END, true);
		PERFORM set_config('pgml.batch', CASE setting WHEN 'row' THEN 'off' ELSE 'on' END, true);
		EXECUTE 'SELECT md5(string_agg(q::text, E''\n'')), count(*) FROM (' || query || ') q' INTO sum, n;
		sums := sums || sum;
	END LOOP;
	RETURN CASE WHEN sums[1] = sums[2] AND sums[1] = sums[3] THEN n || ' rows' ELSE 'different: ' || sums::text END;
END $$;
-- How often a model ran.
CREATE FUNCTION predicted(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		CONTINUE WHEN line !~ 'Rows Predicted:';
		RETURN NEXT trim(line);
	END LOOP;
END $$;

CREATE TABLE flowers AS
	SELECT i AS id, (i % 17)::real AS a, (i * 7 % 23)::real AS b, i % 5 AS c, 'n' || i % 4 AS note,
		   (ARRAY['aster', 'borage', 'clover'])[1 + (i % 17 + i * 7 % 23) / 13 % 3] AS kind, (i % 17 > i * 7 % 23) AS tall
	FROM generate_series(1, 600) i;
UPDATE flowers SET b = NULL WHERE id % 19 = 0;
CREATE VIEW kinds AS SELECT a, b, c, note, kind FROM flowers;
CREATE VIEW heights AS SELECT a, b, tall FROM flowers;
SELECT deployed FROM pgml.train('shared kind', 'classification', 'kinds', 'kind', 'xgboost', hyperparams => '{"n_estimators": 20}');
SELECT deployed FROM pgml.train('shared tall', 'classification', 'heights', 'tall', 'xgboost', hyperparams => '{"n_estimators": 20}');
SELECT deployed FROM pgml.train('shared linear', 'classification', 'kinds', 'kind', 'linear_svm');
CREATE TABLE garden (
	id int, a real, b real, c int, note text,
	kind text GENERATED ALWAYS AS (pgml.classify('shared kind', a, b, c, note)) STORED,
	share float8 GENERATED ALWAYS AS (pgml.class_probability('shared kind', 'clover', a, b, c, note)) STORED,
	tall float8 GENERATED ALWAYS AS (pgml.predict('shared tall', a, b)) STORED,
	tallness float8 GENERATED ALWAYS AS (pgml.class_probability('shared tall', 'true', a, b)) STORED
) USING pgml;
INSERT INTO garden SELECT id, a, b, c, note FROM flowers;

\echo -- all members, in the target list
SELECT same('SELECT id, kind, share, tall, tallness FROM garden');
SELECT same($$SELECT id, pgml.predict('shared kind', a, b, c, note), kind, pgml.predict_proba('shared kind', a, b, c, note), share FROM garden$$);
SELECT same($$SELECT pgml.class_probability('shared kind', 'aster', a, b, c, note) + pgml.class_probability('shared kind', 'borage', a, b, c, note) + share FROM garden$$);
SELECT predicted('SELECT kind, share FROM garden');
SELECT predicted('SELECT tall, tallness FROM garden');
\echo -- the model ran for those that pass the qualification before it, and once for each
SELECT same('SELECT id, share FROM garden WHERE id % 3 = 0 AND kind = ''clover''');
SELECT predicted('SELECT id, share FROM garden WHERE id % 3 = 0 AND kind = ''clover''');
SELECT same($$SELECT id, kind, pgml.predict_proba('shared kind', a, b, c, note) FROM garden WHERE tallness > 0.5 AND share < 0.5$$);
SELECT same($$SELECT id, kind, tallness FROM garden WHERE tall = 1 AND share < 0.5 AND kind <> 'aster'$$);
\echo -- by number of the model as well as by its project
SELECT format($$SELECT kind, pgml.predict_proba(%s, a, b, c, note) FROM garden$$, id) AS by_id
FROM pgml.deployed_models WHERE name = 'shared kind' \gset
SELECT same(:'by_id');
SELECT predicted(:'by_id');
\echo -- not of another row, another model, or a model without margins in common
SELECT predicted($$SELECT pgml.classify('shared kind', a, b, c, note), pgml.predict_proba('shared kind', b, a, c, note) FROM garden$$);
SELECT same($$SELECT pgml.classify('shared kind', a, b, c, note), pgml.predict_proba('shared kind', b, a, c, note) FROM garden$$);
SELECT predicted('SELECT kind, tall FROM garden');
\echo -- a model without probabilities: class and number
SELECT same($$SELECT pgml.classify('shared linear', a, b, c, note), pgml.predict('shared linear', a, b, c, note) FROM garden$$);
SELECT predicted($$SELECT pgml.classify('shared linear', a, b, c, note), pgml.predict('shared linear', a, b, c, note) FROM garden$$);
SELECT pgml.classify('shared linear', a, b, c, note), pgml.predict_proba('shared linear', a, b, c, note) FROM garden;
\echo -- arguments that are expressions, and an array
SELECT same($$SELECT pgml.classify('shared tall', a + 1, b), pgml.predict_proba('shared tall', a + 1, b) FROM garden$$);
SELECT predicted($$SELECT pgml.classify('shared tall', a + 1, b), pgml.predict_proba('shared tall', a + 1, b) FROM garden$$);
SELECT same($$SELECT pgml.classify('shared tall', ARRAY[a, b]), pgml.predict_proba('shared tall', ARRAY[a, b]), pgml.predict_proba('shared tall', ARRAY[b, a]) FROM garden$$);
\echo -- a column that was added later, a small batch, a cursor
ALTER TABLE garden ADD COLUMN later int DEFAULT 3;
SELECT same($$SELECT id, kind, share, pgml.classify('shared tall', later, b), pgml.predict_proba('shared tall', later, b) FROM garden$$);
SET pgml.batch_size = 7;
SELECT same('SELECT id, kind, share FROM garden WHERE tall = 1');
DROP SCHEMA shared_margins CASCADE;
