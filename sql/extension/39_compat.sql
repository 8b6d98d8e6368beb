-- What else PostgresML's users call. The catalog as files of the server: COPY checks the caller's rights (pg_write_server_files and
-- pg_read_server_files, and rights on the tables), so in practice these are a superuser's. pgml.export_model and pg_dump need no such right.
CREATE FUNCTION pgml.dump_all(path text) RETURNS void LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['projects', 'snapshots', 'models', 'files', 'deployments'] LOOP
		EXECUTE format('COPY pgml.%I TO %L (FORMAT csv, HEADER)', name, path || '/' || name || '.csv');
	END LOOP;
END $$;
-- All or nothing; rows that are there already (by key) are an error. New rows count on from the highest id.
CREATE FUNCTION pgml.load_all(path text) RETURNS void LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['projects', 'snapshots', 'models', 'files', 'deployments'] LOOP
		EXECUTE format('COPY pgml.%I FROM %L (FORMAT csv, HEADER match)', name, path || '/' || name || '.csv');
		EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), greatest((SELECT max(id) FROM pgml.%I), 1))', 'pgml.' || name, name);
	END LOOP;
END $$;

CREATE FUNCTION pgml.auto_updated_at(tbl regclass) RETURNS void LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER auto_updated_at BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at()', tbl);
END $$;

-- Metrics of two arrays: what is, and what was predicted. Pairs with a NULL do not count.
CREATE FUNCTION pgml.sklearn_regression_metrics(ground_truth real[], y_hat real[]) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object(
		'r2', CASE WHEN var_pop(y) > 0 THEN 1 - sum((y - p) ^ 2) / (var_pop(y) * count(*)) END,
		'mean_squared_error', avg((y - p) ^ 2), 'mean_absolute_error', avg(abs(y - p)))
	FROM unnest(ground_truth, y_hat) AS pairs (y4, p4), LATERAL (SELECT y4::float8 AS y, p4::float8 AS p) AS pair WHERE y IS NOT NULL AND p IS NOT NULL
$$;
CREATE FUNCTION pgml.sklearn_r2_score(ground_truth real[], y_hat real[]) RETURNS real
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (pgml.sklearn_regression_metrics(ground_truth, y_hat) ->> 'r2')::real
$$;
-- Precision, recall and f1: of class 1 where the classes are 0 and 1, else means over the classes.
CREATE FUNCTION pgml.sklearn_classification_metrics(ground_truth real[], y_hat real[], num_classes bigint) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	WITH pairs AS (
		SELECT y, p FROM unnest(ground_truth, y_hat) AS pair (y, p) WHERE y IS NOT NULL AND p IS NOT NULL
	), labels AS (
		SELECT y AS label FROM pairs UNION SELECT p FROM pairs
	), counts AS (
		SELECT label, count(*) FILTER (WHERE y = label AND p = label)::float8 AS hits,
			count(*) FILTER (WHERE p = label)::float8 AS predicted, count(*) FILTER (WHERE y = label)::float8 AS actual, count(*)::float8 AS n
		FROM labels, pairs GROUP BY label
	), scores AS (
		SELECT label, CASE WHEN predicted > 0 THEN hits / predicted ELSE 0 END AS precision, CASE WHEN actual > 0 THEN hits / actual ELSE 0 END AS recall,
			CASE WHEN predicted + actual > 0 THEN 2 * hits / (predicted + actual) ELSE 0 END AS f1
		FROM counts
	), chosen AS (
		SELECT * FROM scores WHERE label = 1 OR num_classes <> 2 OR EXISTS (SELECT FROM labels WHERE label NOT IN (0, 1))
	), sums AS (
		SELECT sum(hits) AS hits, max(n) AS n, sum(predicted * actual) AS crossed, sum(predicted ^ 2) AS predicted, sum(actual ^ 2) AS actual FROM counts
	)
	SELECT jsonb_build_object('f1', (SELECT avg(f1) FROM chosen), 'precision', (SELECT avg(precision) FROM chosen),
		'recall', (SELECT avg(recall) FROM chosen), 'accuracy', hits / n,
		'mcc', CASE WHEN n ^ 2 > predicted AND n ^ 2 > actual THEN (hits * n - crossed) / sqrt((n ^ 2 - predicted) * (n ^ 2 - actual)) ELSE 0 END)
	FROM sums
$$;
CREATE FUNCTION pgml.sklearn_f1_score(ground_truth real[], y_hat real[]) RETURNS real
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (pgml.sklearn_classification_metrics(ground_truth, y_hat, (SELECT count(DISTINCT y) FROM unnest(ground_truth) AS y)) ->> 'f1')::real
$$;
-- The files hold model bytes and samples of data.
REVOKE ALL ON FUNCTION pgml.dump_all(text), pgml.load_all(text) FROM PUBLIC;
