-- Shared by both sides of the differential suite: training data, the trained projects, and row-by-row wrappers.
--
-- Values are built so that sums of float8 predictions of 'house price' are exact (few significant bits), hence
-- independent of the order in which a plan adds them up.
\set ON_ERROR_STOP on
CREATE EXTENSION pgml_am;
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA base;
CREATE TABLE base.sales AS
	SELECT (20 + i * 37 % 280)::real AS sqft, i % 6 AS beds,
		(ARRAY['Oslo', 'Bergen', 'Rome', 'Łódź', NULL])[1 + i % 5] AS city,
		(1000 * (20 + i * 37 % 280) + 25000 * (i % 6) + 40000 * (i % 5) + i * 7919 % 10007)::float8 AS price
	FROM generate_series(1, 800) i;
UPDATE base.sales SET sqft = NULL WHERE sqft = 131;
CREATE TABLE base.rents AS SELECT sqft, beds, price / 300 + 11 * coalesce(beds, 0) AS rent FROM base.sales;
CREATE TABLE base.kinds AS
	SELECT sqft, beds, city,
		CASE WHEN sqft > 220 AND beds > 2 THEN 'castle' WHEN sqft > 120 THEN 'house' ELSE 'it''s a flat' END AS kind
	FROM base.sales;
CREATE TABLE base.sold AS SELECT sqft, beds, (price < 200000)::int AS sold FROM base.sales WHERE sqft IS NOT NULL;
CREATE TABLE base.grades AS SELECT sqft, beds, 10 * (1 + (beds + (sqft > 150)::int) % 4) AS grade FROM base.sales WHERE sqft IS NOT NULL;
CREATE TABLE base.vectors AS
	SELECT ARRAY[i % 10, i % 7, i % 3]::real[] AS v, i % 5 AS w, (100 * (i % 10) - 50 * (i % 7) + 1000 * (i % 3) + 10 * (i % 5))::float8 AS y
	FROM generate_series(1, 400) i;
CREATE TYPE base.mood AS ENUM ('bad', 'fair', 'good');
CREATE DOMAIN base.share AS numeric(6, 3) CHECK (VALUE >= 0);
CREATE TABLE base.typed AS
	SELECT i % 3 = 0 AS b, (i % 50 / 7.0)::numeric(10, 4) AS n, (i % 9)::base.share AS d, (ARRAY['bad', 'fair', 'good'])[1 + i % 3]::base.mood AS e,
		(ARRAY['aa', 'bb'])[1 + i % 2]::char(5) AS c, (i % 100)::smallint AS i2, i::bigint AS i8,
		(i % 50 * 10 + (i % 3) * 100 + i % 100)::float8 AS y FROM generate_series(1, 300) i;
CREATE TABLE base.shapes AS
	SELECT (i % 3 * 10 + i * 37 % 7)::real AS a, i % 3 * 5 + i * 11 % 4 AS b, CASE WHEN i % 13 > 0 THEN (i * 17 % 29)::real END AS c,
		i % 3 * 8.0 + i * 37 % 7 AS u, i * 17 % 29 * 2.0 - i * 11 % 4 AS v FROM generate_series(1, 400) i;
-- All that a tree can learn from is x: what else is passed is not read, and must fail as if it were.
CREATE TABLE base.narrow AS SELECT i % 100 AS x, 3::real AS n, 'same'::text AS note, '{1,2}'::real[] AS pair, (i % 100) * 2.0 AS y FROM generate_series(1, 500) i;
CREATE VIEW base.points AS SELECT a, b, c FROM base.shapes;

SELECT * FROM pgml.train('house price', 'regression', 'base.sales', 'price', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 12, "max_depth": 4, "learning_rate": 0.5}');
SELECT * FROM pgml.train('rent', 'regression', 'base.rents', 'rent', algorithm => 'linear');
SELECT * FROM pgml.train('kind', 'classification', 'base.kinds', 'kind', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');
SELECT * FROM pgml.train('sold', 'classification', 'base.sold', 'sold', algorithm => 'linear');
SELECT * FROM pgml.train('grade', 'classification', 'base.grades', 'grade', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');
SELECT * FROM pgml.train('vector', 'regression', 'base.vectors', 'y', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');
SELECT * FROM pgml.train('typed', 'regression', 'base.typed', 'y', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');
SELECT * FROM pgml.train('crowd', 'clustering', 'base.points', hyperparams => '{"n_clusters": 5}');
SELECT * FROM pgml.train('axes', 'decomposition', 'base.points', hyperparams => '{"n_components": 2}');
SELECT * FROM pgml.train('narrow', 'regression', 'base.narrow', 'y', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');
SELECT * FROM pgml.train_joint('both', 'regression', 'base.shapes', ARRAY['u', 'v'], algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 5, "max_depth": 3}');

-- The reference evaluates one row at a time in PL/pgSQL, which nothing inlines, rewrites or batches; with the rights of the
-- tables' owner, as prediction columns do.
CREATE SCHEMA direct;
CREATE FUNCTION direct.house_price(float8, int, text) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('house price', $1, $2, $3); END$$;
CREATE FUNCTION direct.rent(float8, int) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('rent', $1, $2); END$$;
CREATE FUNCTION direct.kind(float8, int, text) RETURNS text IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.classify('kind', $1, $2, $3); END$$;
CREATE FUNCTION direct.kind_proba(float8, int, text) RETURNS real[] IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict_proba('kind', $1, $2, $3); END$$;
CREATE FUNCTION direct.kind_class_probability(text, float8, int, text) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500
	LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN pgml.class_probability('kind', $1, $2, $3, $4); END$$;
CREATE FUNCTION direct.sold(float8, int) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('sold', $1, $2); END$$;
CREATE FUNCTION direct.grade(float8, int) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('grade', $1, $2); END$$;
CREATE FUNCTION direct.vector(real[], int) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('vector', $1, $2); END$$;
CREATE FUNCTION direct.typed(boolean, numeric, base.share, base.mood, char, smallint, bigint) RETURNS float8 IMMUTABLE PARALLEL SAFE
	COST 500 LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN pgml.predict('typed', $1, $2, $3, $4, $5, $6, $7); END$$;
CREATE FUNCTION direct.crowd(real, int, real) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('crowd', $1, $2, $3); END$$;
CREATE FUNCTION direct.axes(real, int, real) RETURNS real[] IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.decompose('axes', $1, $2, $3); END$$;
CREATE FUNCTION direct.spot(real, int, real) RETURNS vector IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.embed('axes', $1, $2, $3); END$$;
CREATE FUNCTION direct.both(real, int, real) RETURNS real[] IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict_joint('both', $1, $2, $3); END$$;
CREATE FUNCTION direct.narrow(int, real, text, real[]) RETURNS float8 IMMUTABLE PARALLEL SAFE COST 500 LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN pgml.predict('narrow', $1, $2, $3, $4); END$$;

-- Vectors around some centres, the same on every machine, and those that queries ask for.
CREATE FUNCTION base.noise(seed bigint) RETURNS float8 IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
	'SELECT (hashint8extended(seed, 7) & 16777215)::float8 / 16777216 - 0.4';
CREATE FUNCTION base.some_vector(i bigint, dims int) RETURNS real[] IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
	'SELECT array_agg((base.noise(i * 10000 + j) + 2 * base.noise(-(i % 17) * 100 - j % 5))::real ORDER BY j) FROM generate_series(1, dims) j';
CREATE FUNCTION base.q(n int) RETURNS public.vector IMMUTABLE PARALLEL SAFE LANGUAGE sql AS 'SELECT base.some_vector(n * 1000003::bigint, 8)::public.vector';
CREATE TABLE base.queries AS
	SELECT n, base.q(n) AS q, base.some_vector(n * 1000003::bigint, 12) AS r, ARRAY[n % 5, n % 3, n % 2]::real[]::public.vector AS on_grid FROM generate_series(1, 12) n;
INSERT INTO base.queries VALUES (13, NULL, NULL, NULL);

-- Roles are the cluster's: an earlier run may have left one.
DO $$BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgml_diff_reader') THEN
		CREATE ROLE pgml_diff_reader;
	END IF;
END$$;
GRANT USAGE ON SCHEMA base, direct TO pgml_diff_reader;
CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host :'host', port :'port', dbname :'dbname', use_remote_estimate 'true');
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user 'postgres');

-- For the mode that reads every query through PL/pgSQL.
CREATE FUNCTION base.through_plpgsql(query text) RETURNS SETOF text LANGUAGE plpgsql AS
	$$DECLARE r record; BEGIN FOR r IN EXECUTE query LOOP RETURN NEXT r::text; END LOOP; END$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA base, direct TO pgml_diff_reader;
