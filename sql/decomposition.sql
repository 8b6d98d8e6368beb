-- Decomposition: pca from training to prediction columns of type real[].
SET client_min_messages = warning;
SELECT pgml.load_dataset('iris'), pgml.load_dataset('digits') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_decomposition;
SET search_path = regress_decomposition, public;
CREATE FUNCTION report(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE m text; d text; h text; c text;
BEGIN
	EXECUTE query INTO m;
	RETURN 'no error: ' || coalesce(m, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, c = RETURNED_SQLSTATE;
	RETURN regexp_replace(format('%s: %s', c, m) || CASE WHEN d <> '' THEN E'\n  ' || d ELSE '' END
		|| CASE WHEN h <> '' THEN E'\n  ' || h ELSE '' END, '(model) \d+', '\1 N', 'gi');
END$$;
CREATE FUNCTION rounded(v real[]) RETURNS numeric[] LANGUAGE sql AS $$ SELECT array_agg(round(e::numeric, 4) ORDER BY n) FROM unnest(v) WITH ORDINALITY AS u (e, n) $$;

-- What users of PostgresML wrote.
CREATE VIEW digit_vectors AS SELECT image FROM pgml.digits;
SELECT * FROM pgml.train('decomposition digits', 'decomposition', 'digit_vectors', hyperparams => '{"n_components": 3}');
SELECT array_length(pgml.decompose('decomposition digits', image), 1), count(*) FROM pgml.digits GROUP BY 1;
SELECT relation_name, y_column_name FROM pgml.overview WHERE name = 'decomposition digits';

-- The values of the iris data are scikit-learn's (signs as since its version 1.5).
CREATE VIEW flowers AS SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
SELECT * FROM pgml.train('decomposition iris', 'decomposition', 'flowers', algorithm => 'pca', test_size => 0);
SELECT round((metrics ->> 'cumulative_explained_variance')::numeric, 6) AS cumulative,
	ARRAY(SELECT round(r::numeric, 6) FROM jsonb_array_elements_text(metrics -> 'explained_variance_ratio') AS r) AS ratio
FROM pgml.models WHERE id = (SELECT id FROM pgml.deployed_models WHERE name = 'decomposition iris');
SELECT rounded(pgml.decompose('decomposition iris', i)) FROM pgml.iris AS i LIMIT 2;
SELECT metric, round(value::numeric, 4) FROM pgml.evaluate('decomposition iris', 'pgml.iris');
SELECT deployed FROM pgml.train('decomposition iris', hyperparams => '{"n_components": 0.95}');
SELECT deployed FROM pgml.train('decomposition iris', hyperparams => '{"n_components": 2, "whiten": true}', automatic_deploy => false);
CREATE FUNCTION newest(project text) RETURNS bigint LANGUAGE sql AS $$ SELECT max(m.id) FROM pgml.models AS m JOIN pgml.projects AS p ON p.id = m.project_id WHERE p.name = project $$;
SELECT pgml.describe(newest('decomposition iris')) - 'features' - 'model_id' - 'explained_variance_ratio';
SELECT round(var_samp(d[1])::numeric, 1), round(var_samp(d[2])::numeric, 1), array_length(min(d), 1)
FROM (SELECT pgml.decompose(newest('decomposition iris'), i) AS d FROM pgml.iris AS i) AS v;
SELECT strategy FROM pgml.deploy('decomposition iris', 'best_score');

-- Arguments in every form.
SELECT pgml.decompose('decomposition iris', 5, 3, 1, 0.2) = pgml.decompose('decomposition iris', ARRAY[5, 3, 1, 0.2]::real[]) AS vector,
	pgml.decompose('decomposition iris', 5, 3, 1, 0.2) = pgml.decompose('decomposition iris', ARRAY[5, 3, 1, 0.2]) AS numerics,
	pgml.decompose('decomposition iris', 5, 3, 1, 0.2) = pgml.decompose('decomposition iris', ROW(5, 3, 1, 0.2)) AS record,
	pgml.decompose('decomposition iris', NULL, NULL, NULL, NULL) IS NOT NULL AS missing, pg_typeof(pgml.decompose('decomposition iris', 5, 3, 1, 0.2));
SELECT pgml.import_model('decomposition copy', pgml.export_model(newest('decomposition iris'))) > 0 AS imported;
SELECT task, algorithm FROM pgml.deployed_models WHERE name = 'decomposition copy';
SELECT bool_and(pgml.decompose('decomposition copy', f) = pgml.decompose(newest('decomposition iris'), f)) FROM flowers AS f;

-- The same components as a vector.
SELECT pgml.embed('decomposition iris', 5, 3, 1, 0.2)::real[] = pgml.decompose('decomposition iris', 5, 3, 1, 0.2) AS same,
	pgml.embed(newest('decomposition iris'), 5, 3, 1, 0.2)::real[] = pgml.decompose(newest('decomposition iris'), 5, 3, 1, 0.2) AS by_id,
	vector_dims(pgml.embed('decomposition digits', image)) AS dims FROM pgml.digits LIMIT 1;
CREATE TABLE meadow (id int, sepal_length real, sepal_width real, petal_length real, petal_width real,
	spot vector(4) GENERATED ALWAYS AS (pgml.embed('decomposition iris', sepal_length, sepal_width, petal_length, petal_width)) STORED,
	far float8 GENERATED ALWAYS AS (l2_normalize(pgml.embed('decomposition iris', sepal_length, sepal_width, petal_length, petal_width)) <-> '[1,0,0,0]') STORED
) USING pgml;
INSERT INTO meadow SELECT row_number() OVER (), f.* FROM flowers AS f;
SELECT id FROM meadow ORDER BY spot <-> (SELECT spot FROM meadow WHERE id = 1), id LIMIT 5;
CREATE INDEX ON meadow (spot);
SELECT count(*) FROM meadow WHERE spot = (SELECT spot FROM meadow WHERE id = 7);
SELECT bool_and(far = l2_normalize(spot) <-> '[1,0,0,0]') FROM meadow;
SELECT report($$SELECT pgml.embed('decomposition nothing', 1)$$);
-- An index on vectors of four elements stops a deployment of a model that gives two.
SELECT report($$SELECT strategy FROM pgml.deploy(newest('decomposition iris'))$$);
DROP TABLE meadow;

-- A prediction column, an index on an element of it, a deployment that changes it.
CREATE TABLE garden (id int, sepal_length real, sepal_width real, petal_length real, petal_width real,
	axes real[] GENERATED ALWAYS AS (pgml.decompose('decomposition iris', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO garden SELECT row_number() OVER (), f.* FROM flowers AS f;
SELECT id, rounded(axes) FROM garden WHERE id < 3 ORDER BY id;
CREATE INDEX ON garden ((axes[1]));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM garden WHERE axes[1] > 3;
SELECT id FROM garden WHERE axes[1] > 3 ORDER BY axes[1] DESC, id LIMIT 3;
SELECT strategy FROM pgml.deploy(newest('decomposition iris'));
SELECT array_length(axes, 1), count(*) FROM garden GROUP BY 1;
SELECT count(*) = (SELECT count(*) FROM garden AS g WHERE g.axes[1] + 0 > 1) AS by_index FROM garden WHERE axes[1] > 1;
RESET enable_seqscan;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET force_parallel_mode = on;
SELECT bool_and(axes = pgml.decompose('decomposition iris', sepal_length, sepal_width, petal_length, petal_width)) FROM garden;
RESET force_parallel_mode;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

-- Rights.
CREATE ROLE regress_decomposition_user;
GRANT USAGE ON SCHEMA regress_decomposition TO regress_decomposition_user;
GRANT SELECT ON garden TO regress_decomposition_user;
SET ROLE regress_decomposition_user;
SELECT report($$SELECT pgml.decompose('decomposition iris', 1, 2, 3, 4)$$);
SELECT count(axes) FROM garden; -- through the table owner's right
RESET ROLE;

\pset format unaligned
\pset tuples_only on
SELECT report(q) FROM (VALUES
	($$SELECT pgml.train('decomposition x', 'decomposition', 'flowers', hyperparams => '{"n_components": 5}')$$),
	($$SELECT pgml.train('decomposition x', 'decomposition', 'flowers', hyperparams => '{"n_components": "mle"}')$$),
	($$SELECT pgml.train('decomposition x', 'decomposition', 'flowers', hyperparams => '{"kernel": "rbf"}')$$),
	($$SELECT pgml.train('decomposition x', 'decomposition', 'flowers', algorithm => 'kmeans')$$),
	($$SELECT pgml.train('decomposition x', 'decomposition', 'flowers', algorithm => 'ridge')$$),
	($$SELECT pgml.predict('decomposition iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.predict_joint('decomposition iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.classify('decomposition iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.predict_batch(newest('decomposition iris'), ARRAY[1, 2, 3, 4])$$),
	($$SELECT pgml.decompose('decomposition iris', 1, 2, 3)$$),
	($$SELECT pgml.decompose('no such project', 1, 2, 3)$$),
	($$SELECT pgml.decompose(NULL::text, 1, 2, 3)$$),
	($$SELECT pgml.evaluate('decomposition iris', 'flowers', 'petal_width')$$),
	($$SELECT pgml.feature_importance('decomposition iris')$$)) AS v (q);
CREATE TABLE flat AS SELECT 1 AS a, 2 AS b FROM generate_series(1, 10);
SELECT report($$SELECT pgml.train('decomposition x', 'decomposition', 'flat')$$);
DROP TABLE garden;
DROP OWNED BY regress_decomposition_user;
DROP ROLE regress_decomposition_user;
DROP SCHEMA regress_decomposition CASCADE;
