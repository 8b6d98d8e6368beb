-- A search for every task, scored by what decides about deployments.
CREATE SCHEMA regress_search_tasks;
SET search_path = regress_search_tasks;
SET client_min_messages = warning;
CREATE TABLE points AS SELECT (i % 3) * 10 + sin(i) AS a, (i % 3) * 5 + cos(i * 7) AS b, (i % 3) * 2 + sin(i * 3) / 10 AS c FROM generate_series(1, 120) AS i;
CREATE FUNCTION last_search(project text) RETURNS TABLE (chosen jsonb, metric jsonb, candidates jsonb) LANGUAGE sql AS $$
	SELECT m.hyperparams, m.metrics -> 'search_results' -> 'metric', m.metrics -> 'search_results' -> 'n_candidates'
	FROM pgml.models AS m JOIN pgml.projects AS p ON p.id = m.project_id WHERE p.name = project ORDER BY m.id DESC LIMIT 1
$$;
SELECT * FROM pgml.train('search clusters', 'clustering', 'points', search => 'grid', search_params => '{"n_clusters": [2, 3, 4, 5]}', search_args => '{"cv": 3}');
SELECT * FROM last_search('search clusters');
SELECT * FROM pgml.train('search components', 'decomposition', 'points', search => 'grid', search_params => '{"n_components": [1, 2, 3]}', search_args => '{"cv": 3}');
SELECT * FROM last_search('search components');
SELECT * FROM pgml.train_joint('search joint', 'regression', 'points', ARRAY['b', 'c'], algorithm => 'knn', search => 'random',
	search_params => '{"n_neighbors": {"min": 1, "max": 20}}', search_args => '{"n_iter": 4, "cv": 3}');
SELECT chosen ? 'n_neighbors' AS chosen, metric, candidates FROM last_search('search joint');
SELECT count(DISTINCT pgml.predict('search clusters', p)) AS clusters, min(array_length(pgml.decompose('search components', p), 1)) AS components,
	min(array_length(pgml.predict_joint('search joint', a), 1)) AS targets FROM points AS p;
-- Rows that are kept: the next training takes them.
SELECT deployed FROM pgml.train('search kept', 'clustering', 'points', hyperparams => '{"n_clusters": 3}', materialize_snapshot => true);
DELETE FROM points WHERE a > 5;
SELECT deployed FROM pgml.train('search kept', hyperparams => '{"n_clusters": 4}');
SELECT s.analysis -> 'samples' AS samples, s.materialized FROM pgml.models AS m JOIN pgml.snapshots AS s ON s.id = m.snapshot_id
	JOIN pgml.projects AS p ON p.id = m.project_id WHERE p.name = 'search kept' ORDER BY m.id;
SELECT count(pgml.drop_project(name)) FROM pgml.projects WHERE name LIKE 'search %';
DROP SCHEMA regress_search_tasks CASCADE;
