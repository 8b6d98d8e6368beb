-- Clustering: kmeans and mini_batch_kmeans from training to prediction columns.
SET client_min_messages = warning;
SELECT pgml.load_dataset('iris'), pgml.load_dataset('digits') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_clustering;
SET search_path = regress_clustering, public;
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
CREATE VIEW latest AS SELECT DISTINCT ON (p.name) p.name, p.task, m.* FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id ORDER BY p.name, m.id DESC;

-- What users of PostgresML wrote.
CREATE VIEW digit_vectors AS SELECT image FROM pgml.digits;
SELECT * FROM pgml.train('clustering digits', 'clustering', 'digit_vectors', hyperparams => '{"n_clusters": 10}');
SELECT count(DISTINCT cluster), min(cluster), max(cluster) FROM (SELECT pgml.predict('clustering digits', image) AS cluster FROM pgml.digits) AS p;
-- Most rows of a cluster are of one digit.
SELECT sum(most) > 0.7 * 1797 AS found FROM (SELECT max(n) AS most FROM (
	SELECT pgml.predict('clustering digits', image) AS cluster, target, count(*) AS n FROM pgml.digits GROUP BY 1, 2) AS c GROUP BY cluster) AS m;
SELECT * FROM pgml.train('clustering digits', algorithm => 'mini_batch_kmeans', hyperparams => '{"n_clusters": 10}', automatic_deploy => false);
SELECT relation_name, y_column_name, test_sampling FROM pgml.overview WHERE name = 'clustering digits';
SELECT name, task, algorithm, deployed FROM pgml.trained_models WHERE name = 'clustering digits';

-- The least inertia of the iris data is known: scikit-learn finds it, too.
CREATE VIEW flowers AS SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
SELECT deployed FROM pgml.train('clustering iris', 'clustering', 'flowers', algorithm => 'kmeans', hyperparams => '{"n_clusters": 3}', test_size => 0);
SELECT round((metrics ->> 'inertia')::numeric, 3) AS inertia, round((metrics ->> 'silhouette')::numeric, 3) AS silhouette FROM latest WHERE name = 'clustering iris';
SELECT metric, round(value::numeric, 3) FROM pgml.evaluate('clustering iris', 'pgml.iris');
-- The silhouette is what decides, for deployments by score too.
SELECT deployed FROM pgml.train('clustering iris', hyperparams => '{"n_clusters": 2}');
SELECT deployed FROM pgml.train('clustering iris', hyperparams => '{"n_clusters": 8}');
SELECT algorithm, (SELECT hyperparams FROM latest AS l WHERE l.name = 'clustering iris') FROM pgml.deploy('clustering iris', 'best_score');
SELECT count(DISTINCT pgml.predict('clustering iris', i)) FROM pgml.iris AS i;
-- A column named as the target is no feature.
SELECT deployed FROM pgml.train('clustering by name', 'clustering', 'pgml.iris', 'target', hyperparams => '{"n_clusters": 3}');
SELECT num_features, y_column_name FROM latest JOIN pgml.snapshots AS s ON s.id = snapshot_id WHERE name = 'clustering by name';
SELECT jsonb_array_length(columns), jsonb_path_exists(columns, '$[*] ? (@.label == true)') FROM pgml.snapshots WHERE id = (SELECT snapshot_id FROM latest WHERE name = 'clustering by name');
SELECT deployed FROM pgml.train('clustering by name', hyperparams => '{"n_clusters": 3}', automatic_deploy => false);
SELECT num_features FROM latest WHERE name = 'clustering by name';

-- Arguments in every form; the same seed gives the same model.
SELECT pgml.predict('clustering iris', 5, 3, 1, 0.2) = pgml.predict('clustering iris', ARRAY[5, 3, 1, 0.2]) AS vector,
	pgml.predict('clustering iris', 5, 3, 1, 0.2) = pgml.predict('clustering iris', ROW(5, 3, 1, 0.2)) AS record,
	pgml.predict('clustering iris', 5, 3, 1, 0.2) = pgml.predict((SELECT model_id FROM pgml.deployments ORDER BY id DESC LIMIT 1), 5, 3, 1, 0.2) AS model,
	pgml.predict('clustering iris', NULL, NULL, NULL, NULL) IS NOT NULL AS missing;
SELECT array_agg(b) = array_agg(pgml.predict('clustering iris', i)::real) FROM pgml.iris AS i,
	pgml.predict_batch('clustering iris', ARRAY[i.sepal_length, i.sepal_width, i.petal_length, i.petal_width]) AS b;
SELECT pgml.describe('clustering iris') - 'model_id' - 'features';
SELECT count(*) FROM unnest(ARRAY[1, 2]) AS n, pgml.train('clustering same ' || n, 'clustering', 'flowers', hyperparams => '{"random_state": 5}');
SELECT count(*), count(DISTINCT pgml.export_model(id)) FROM latest WHERE name LIKE 'clustering same%';
SELECT pgml.import_model('clustering copy', pgml.export_model((SELECT id FROM pgml.deployed_models WHERE name = 'clustering iris'))) > 0 AS imported;
SELECT task, algorithm FROM pgml.deployed_models WHERE name = 'clustering copy';
SELECT bool_and(pgml.predict('clustering copy', f) = pgml.predict('clustering iris', f)) FROM flowers AS f;
SELECT metric, value IS NOT NULL FROM pgml.evaluate('clustering copy', 'flowers');

-- A prediction column, an index on it, a deployment that changes it.
CREATE TABLE garden (id int, sepal_length real, sepal_width real, petal_length real, petal_width real,
	kind double precision GENERATED ALWAYS AS (pgml.predict('clustering iris', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO garden SELECT row_number() OVER (), f.* FROM flowers AS f;
SELECT count(DISTINCT kind), count(*) FROM garden;
CREATE INDEX ON garden (kind);
SELECT name, algorithm FROM pgml.deploy('clustering iris', 'most_recent') AS d (name, strategy, algorithm);
SELECT count(DISTINCT kind) > 4 AS eight FROM garden;
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM garden AS g WHERE g.kind + 0 = 3) AS by_index FROM garden WHERE kind = 3;
RESET enable_seqscan;
SELECT name FROM pgml.deploy('clustering iris', 'rollback') AS d (name, strategy, algorithm);
SELECT count(DISTINCT kind) FROM garden;
-- In parallel workers.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET force_parallel_mode = on;
SELECT count(DISTINCT kind), sum(kind) = (SELECT sum(pgml.predict('clustering iris', f)) FROM flowers AS f) AS equal FROM garden;
RESET force_parallel_mode;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

-- Rights: the same as for the other tasks.
CREATE ROLE regress_clustering_user;
GRANT USAGE ON SCHEMA regress_clustering TO regress_clustering_user;
SET ROLE regress_clustering_user;
SELECT report($$SELECT pgml.predict('clustering iris', 1, 2, 3, 4)$$);
SELECT report($$SELECT pgml.train('clustering iris', hyperparams => '{"n_clusters": 4}')$$);
RESET ROLE;
SELECT pgml.grant_use('clustering iris', 'regress_clustering_user');
SET ROLE regress_clustering_user;
SELECT pgml.predict('clustering iris', 1, 2, 3, 4) IS NOT NULL AS answered;
RESET ROLE;

\pset format unaligned
\pset tuples_only on
-- What is refused.
SELECT report(q) FROM (VALUES
	($$SELECT pgml.train('clustering x', 'clustering')$$),
	($$SELECT pgml.train('clustering x', 'clustering', 'flowers', 'no_such_column')$$),
	($$SELECT pgml.train('clustering x', 'clustering', 'flowers', algorithm => 'xgboost')$$),
	($$SELECT pgml.train('clustering x', 'regression', 'pgml.iris', 'target', algorithm => 'kmeans')$$),
	($$SELECT pgml.train('clustering x', 'cluster', 'flowers')$$),
	($$SELECT pgml.train('clustering iris', 'regression', 'pgml.iris', 'target')$$),
	($$SELECT pgml.train('clustering x', 'clustering', 'flowers', hyperparams => '{"n_clusters": 0}')$$),
	($$SELECT pgml.train('clustering x', 'clustering', 'flowers', hyperparams => '{"clusters": 4}')$$),
	($$SELECT pgml.train('clustering x', 'clustering', 'flowers', hyperparams => '{"n_clusters": 200}')$$),
	($$SELECT pgml.train('clustering x', 'clustering', '(SELECT 1)')$$),
	($$SELECT pgml.evaluate('clustering iris', 'pgml.iris', 'target')$$),
	($$SELECT pgml.classify('clustering iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.predict_proba('clustering iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.predict_joint('clustering iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.decompose('clustering iris', 1, 2, 3, 4)$$),
	($$SELECT pgml.confusion_matrix('clustering iris', 'pgml.iris')$$),
	($$SELECT pgml.feature_importance('clustering iris')$$),
	($$SELECT pgml.predict('clustering iris', 1, 2, 3)$$)) AS v (q);
SELECT a || ': ' || report(format($$SELECT pgml.train('clustering x', 'clustering', 'flowers', algorithm => %L)$$, a))
FROM unnest(ARRAY['affinity_propagation', 'birch', 'mean_shift', 'dbscan', 'feature_agglomeration', 'optics', 'spectral', 'spectral_bi', 'spectral_co']) AS a;
SELECT count(*) FROM pgml.projects WHERE name = 'clustering x';

-- Cancelled, and the session goes on.
CREATE TABLE many AS SELECT i * 7919 % 1009 AS a, i * 104729 % 997 AS b, i * 31 % 89 AS c FROM generate_series(1, 20000) AS i;
SET statement_timeout = 500;
SELECT pgml.train('clustering x', 'clustering', 'many', hyperparams => '{"n_clusters": 300, "n_init": 1000, "max_iter": 100000, "tol": 0, "init": "random"}');
RESET statement_timeout;
SELECT report($$SELECT count(*) FROM pgml.train('clustering many', 'clustering', 'many', hyperparams => '{"n_clusters": 5, "n_init": 1}')$$);
DROP TABLE garden;
DROP OWNED BY regress_clustering_user;
SELECT pgml.revoke_use('clustering iris', 'regress_clustering_user');
DROP ROLE regress_clustering_user;
DROP SCHEMA regress_clustering CASCADE;
