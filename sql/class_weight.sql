-- class_weight: rare classes are found more often, and what is wrong is refused.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA weights;
SET search_path = weights, public;
CREATE TABLE orders AS SELECT x, z, CASE WHEN x + z / 2 + noise > 9 THEN 'fraud' ELSE 'good' END AS kind
	FROM (SELECT hashint4(i) % 1000 / 150.0 AS x, hashint4(i + 5000) % 1000 / 150.0 AS z, hashint4(i + 90000) % 1000 / 250.0 AS noise FROM generate_series(1, 1500) i) p;
SELECT kind, count(*) FROM orders GROUP BY kind ORDER BY kind;
-- Recall of the rare class without weights, balanced, and with a weight of its own.
CREATE VIEW fraud AS SELECT * FROM orders WHERE kind = 'fraud';
CREATE FUNCTION recall(algorithm pgml.algorithm, class_weight jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgml.train('weights', 'classification', 'weights.orders', 'kind', algorithm, test_size => 0, automatic_deploy => true,
		hyperparams => jsonb_build_object('class_weight', class_weight) || CASE algorithm WHEN 'random_forest' THEN '{"max_depth": 3}' WHEN 'extra_trees'
			THEN '{"max_depth": 3}' ELSE '{}' END::jsonb, preprocess => '{"*": {"scale": "standard"}}');
	RETURN (SELECT value FROM pgml.evaluate((SELECT max(m.id) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'weights'),
		'weights.fraud') WHERE metric = 'accuracy');
END$$;
SELECT a AS algorithm, recall(a, '"balanced"') > recall(a, 'null') + 0.1 AS balanced, recall(a, '{"fraud": 10}') > recall(a, '{"good": 1}') + 0.1 AS by_label
FROM unnest('{linear,svm,linear_svm,stochastic_gradient_descent,random_forest,extra_trees}'::pgml.algorithm[]) AS a;
SELECT recall('random_forest', '"balanced_subsample"') > recall('random_forest', 'null') + 0.1 AS subsample;
-- Labels are those that pgml.describe shows.
SELECT recall('linear', '{"theft": 2}');
SELECT recall('linear', '"balanced_subsample"');
SELECT recall('svm', '{"fraud": 0}');
SELECT recall('knn', '"balanced"');
SELECT pgml.drop_project('weights');
DROP SCHEMA weights CASCADE;
