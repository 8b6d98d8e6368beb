-- CREATE INDEX and CREATE STATISTICS on prediction columns.
SET client_min_messages = warning;
CREATE SCHEMA indexes;
SET search_path = indexes, public;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE training AS SELECT g::real AS sqft, g % 5 AS beds, (g * 30 + (g % 5) * 100)::double precision AS price FROM generate_series(1, 200) g;
SELECT * FROM pgml.train('indexes', 'regression', 'indexes.training', 'price', algorithm => 'linear');
CREATE TABLE houses (id bigint PRIMARY KEY, sqft real, beds int, city text,
	price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED) USING pgml;
INSERT INTO houses SELECT g, g, g % 5, 'city ' || g % 3 FROM generate_series(1, 2000) g;

-- Plans without the lines that differ from run to run: the number of the model.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN line ~ '^ *(Models|Evaluator|Device)';
		RETURN NEXT line;
	END LOOP;
END $$;

-- A column name becomes the prediction: alone, in expressions, in predicates, with options; the names stay the column's.
CREATE INDEX ON houses (price);
CREATE INDEX ON houses (price DESC NULLS LAST, id) WITH (fillfactor = 70);
CREATE INDEX houses_partial ON houses (id) WHERE price > 59001;
CREATE INDEX houses_both ON houses (city text_pattern_ops, round(price::numeric, -3)) INCLUDE (beds) WHERE price > 100 AND city <> 'city 9';
CREATE UNIQUE INDEX houses_unique ON houses (id, price);
CREATE INDEX CONCURRENTLY houses_concurrent ON houses ((price / sqft));
CREATE INDEX houses_hash ON houses USING hash (price);
CREATE INDEX houses_brin ON houses USING brin (price);
CREATE INDEX IF NOT EXISTS houses_hash ON houses (price);
CREATE INDEX houses_by_hand ON houses (pgml.predict('indexes', sqft, beds), city);
\d houses
SELECT attname FROM pg_attribute WHERE attrelid = 'houses_price_idx'::regclass;

-- Plans use them; rows are right.
CREATE STATISTICS houses_price ON price FROM houses;
CREATE STATISTICS houses_city_price (ndistinct, mcv) ON city, (price > 1000), beds FROM houses;
ANALYZE houses;
SELECT plan('SELECT id, price FROM houses WHERE price > 60001');
SELECT count(*), round(min(price)), round(max(price)) FROM houses WHERE price > 60001;
SELECT plan('SELECT id FROM houses ORDER BY price LIMIT 3');
SELECT id, round(price) FROM houses ORDER BY price DESC LIMIT 3;
SELECT plan('SELECT id FROM houses WHERE id > 10 AND price > 59001');
SELECT count(*) FROM houses WHERE id > 10 AND price > 59001;
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxnamespace = 'indexes'::regnamespace ORDER BY 1;
SELECT statistics_name, expr, null_frac, n_distinct FROM pg_stats_ext_exprs WHERE schemaname = 'indexes' ORDER BY 1, 2;
-- Estimates come from the predictions' own statistics.
CREATE FUNCTION estimate(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT abs(estimate('SELECT id FROM houses WHERE price BETWEEN 30000 AND 36000') - count(*)) < 60 FROM houses WHERE price BETWEEN 30000 AND 36000;

-- Maintenance: rows move when a feature changes, and only then.
UPDATE houses SET sqft = 100000 WHERE id = 5;
SELECT plan('SELECT id FROM houses WHERE price > 1000000');
SELECT id FROM houses WHERE price > 1000000;
CREATE TABLE hot (id int, sqft real, beds int, price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED) USING pgml WITH (fillfactor = 50);
CREATE INDEX ON hot (price);
INSERT INTO hot SELECT g, g, g % 5 FROM generate_series(1, 20) g;
SELECT pg_stat_force_next_flush();
BEGIN;
UPDATE hot SET id = id + 1;
SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'hot';
COMMIT;
SELECT pg_stat_force_next_flush();
BEGIN;
UPDATE hot SET sqft = sqft + 1;
SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'hot';
COMMIT;
DELETE FROM houses WHERE price > 1000000;
SELECT id FROM houses WHERE price > 1000000;
INSERT INTO houses VALUES (2001, 100001, 1, 'city 1');
SELECT id FROM houses WHERE price > 1000000;
VACUUM houses;
REINDEX TABLE houses;
REINDEX TABLE CONCURRENTLY houses;
VACUUM FULL houses;
CLUSTER houses USING houses_price_idx;
SELECT id FROM houses WHERE price > 1000000;
CREATE EXTENSION amcheck;
SELECT bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam
	WHERE indrelid = 'houses'::regclass AND amname = 'btree';
DROP EXTENSION amcheck;

-- Uniqueness is that of predictions.
CREATE UNIQUE INDEX houses_fails ON houses ((beds * 0), (price > 0));
CREATE TABLE distinct_prices (sqft real, beds int, price double precision GENERATED ALWAYS AS (round(pgml.predict('indexes', sqft, beds))) STORED) USING pgml;
CREATE UNIQUE INDEX distinct_prices_index ON distinct_prices (price);
INSERT INTO distinct_prices VALUES (1, 1), (2, 1);
INSERT INTO distinct_prices VALUES (1, 1);
INSERT INTO distinct_prices VALUES (1, 1), (3, 1) ON CONFLICT DO NOTHING;
SELECT count(*) FROM distinct_prices;

INSERT INTO distinct_prices VALUES (2, 1) ON CONFLICT (price) DO UPDATE SET beds = 3 RETURNING *;

-- The collation of the column decides, not that of the function's result.
CREATE TABLE labelled AS SELECT g % 3 AS x, CASE g % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'B' ELSE 'c' END AS label FROM generate_series(1, 60) g;
SELECT project, deployed FROM pgml.train('indexes labels', 'classification', 'indexes.labelled', 'label', algorithm => 'linear');
CREATE TABLE labels (x int, plain text GENERATED ALWAYS AS (pgml.classify('indexes labels', x)) STORED,
	english text COLLATE "en-x-icu" GENERATED ALWAYS AS (pgml.classify('indexes labels', x)) STORED) USING pgml;
INSERT INTO labels VALUES (0), (1), (2);
SELECT string_agg(plain, ' ' ORDER BY plain), string_agg(english, ' ' ORDER BY english), max(english), count(*) FILTER (WHERE english > 'a') FROM labels;
SELECT english FROM labels ORDER BY english;
SELECT english, count(*) FROM labels GROUP BY english ORDER BY english;
CREATE INDEX labels_english ON labels (english);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan('SELECT english FROM labels ORDER BY english');
SELECT english FROM labels ORDER BY english;
SELECT plan('SELECT english FROM labels WHERE english > ''B''');
SELECT english FROM labels WHERE english > 'B';
CREATE INDEX labels_by_hand ON labels (pgml.classify('indexes labels', x) COLLATE "en-x-icu");
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'labels'::regclass ORDER BY 1;
DROP INDEX labels_english;
SELECT plan('SELECT english FROM labels WHERE english > ''B'' ORDER BY english');
RESET enable_seqscan;
RESET enable_sort;
DELETE FROM pgml.projects WHERE name = 'indexes labels';

-- Refused: included columns, constraints made from such an index.
CREATE INDEX ON houses (id) INCLUDE (price);
ALTER TABLE distinct_prices ADD CONSTRAINT c UNIQUE USING INDEX distinct_prices_index;

-- Only the owner may create an index, a missing table is reported as ever.
CREATE ROLE indexes_user;
GRANT ALL ON SCHEMA indexes TO indexes_user;
GRANT SELECT, INSERT ON houses, distinct_prices TO indexes_user;
SET ROLE indexes_user;
CREATE INDEX ON houses (price);
CREATE STATISTICS not_mine ON price, city FROM houses;
CREATE INDEX ON missing (price);
CREATE INDEX ON houses_partial (price);

-- Who writes needs no right on the model: the index belongs to the column, which the table's owner evaluates.
INSERT INTO houses VALUES (2002, 100002, 1, 'city 1');
SELECT id FROM houses WHERE price > 1000000;
SELECT pgml.predict('indexes', 1::real, 1);
-- A copy of the index on a table of one's own gives no right, neither by INSERT nor by ANALYZE.
CREATE TABLE copy_without (LIKE houses INCLUDING INDEXES INCLUDING STATISTICS);
CREATE TABLE copy_with (LIKE houses INCLUDING ALL);
INSERT INTO copy_without (id, sqft, beds) VALUES (1, 1, 1);
INSERT INTO copy_with (id, sqft, beds) VALUES (1, 1, 1);
CREATE TABLE without_right (id int, sqft real, beds int, price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED) USING pgml;
CREATE INDEX without_right_index ON without_right (price);
INSERT INTO without_right VALUES (1, 1, 1);
DROP INDEX without_right_index;
INSERT INTO without_right VALUES (1, 1, 1);
CREATE INDEX without_right_index ON without_right (price);
SELECT * FROM without_right;
RESET ROLE;
SELECT pgml.grant_use('indexes', 'indexes_user');
SET ROLE indexes_user;
CREATE INDEX without_right_index ON without_right (price);
INSERT INTO without_right VALUES (2, 2, 1);
SELECT id, round(price) FROM without_right ORDER BY price DESC;
RESET ROLE;
SELECT pgml.revoke_use('indexes', 'indexes_user');
-- Another owner, another right: the marks follow.
ALTER TABLE houses OWNER TO indexes_user;
INSERT INTO houses VALUES (2003, 3, 1, 'city 1');
SET ROLE indexes_user;
INSERT INTO houses VALUES (2004, 4, 1, 'city 1');
RESET ROLE;
ALTER TABLE houses OWNER TO CURRENT_USER;
GRANT SELECT, INSERT ON houses TO indexes_user;
SET ROLE indexes_user;
INSERT INTO houses VALUES (2004, 4, 1, 'city 1');
RESET ROLE;

-- An index made before the project, or before its owner was granted use, serves writers afterwards.
CREATE ROLE indexes_writer;
GRANT USAGE ON SCHEMA indexes TO indexes_writer;
SET ROLE indexes_user;
CREATE TABLE early (sqft real, beds int, price double precision GENERATED ALWAYS AS (pgml.predict('indexes early', sqft, beds)) STORED) USING pgml;
CREATE INDEX early_index ON early (price);
CREATE STATISTICS early_statistics ON price FROM early;
GRANT SELECT, INSERT ON early TO indexes_writer;
RESET ROLE;
SET ROLE indexes_writer;
INSERT INTO early VALUES (1, 1);
RESET ROLE;
SELECT project FROM pgml.train('indexes early', 'regression', 'indexes.training', 'price', algorithm => 'linear');
SET ROLE indexes_writer;
INSERT INTO early VALUES (1, 1);
RESET ROLE;
SELECT pgml.grant_use('indexes early', 'indexes_user');
SET ROLE indexes_writer;
INSERT INTO early VALUES (1, 1);
SELECT round(price) FROM early;
RESET ROLE;
TRUNCATE early;
ALTER TABLE early OWNER TO CURRENT_USER;
DELETE FROM pgml.projects WHERE name = 'indexes early';
SELECT project FROM pgml.train('indexes early', 'regression', 'indexes.training', 'price', algorithm => 'linear');
SET ROLE indexes_writer;
INSERT INTO early VALUES (2, 1);
RESET ROLE;
SELECT round(price) FROM early;
DELETE FROM pgml.projects WHERE name = 'indexes early';
DROP TABLE early;

-- ALTER TABLE rebuilds indexes from their text; the same index comes out.
ALTER TABLE houses ALTER id TYPE int;
SET ROLE indexes_user;
INSERT INTO houses VALUES (2005, 5, 1, 'city 1');
RESET ROLE;
SELECT id FROM houses WHERE price > 1000000 ORDER BY 1;

-- A deployment keeps every index and statistics object right.
CREATE TABLE training_2 AS SELECT sqft, beds, -price AS price FROM training;
SELECT project, deployed FROM pgml.train('indexes', 'regression', 'indexes.training_2', 'price', algorithm => 'linear');
SELECT plan('SELECT id FROM houses WHERE price < -60001');
SELECT count(*) FROM houses WHERE price < -60001;
SELECT id, round(price) FROM houses ORDER BY price LIMIT 2;
SELECT id, round(price) FROM houses ORDER BY price DESC LIMIT 2;

-- Partitioned: one index for the tree, a partition of another column order, a later one, ON ONLY.
CREATE TABLE part (id int, sqft real, beds int, price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (1000) USING pgml;
CREATE TABLE part_2 (beds int, price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED, sqft real, id int) USING pgml;
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (1000) TO (2000);
INSERT INTO part SELECT g, g, g % 5 FROM generate_series(0, 1999) g;
CREATE INDEX part_index ON part (price) WHERE price < 0;
CREATE INDEX part_only ON ONLY part (price, id);
CREATE INDEX part_1_only ON part_1 (price, id);
ALTER INDEX part_only ATTACH PARTITION part_1_only;
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM (2000) TO (3000);
CREATE TABLE part_4 (id int, beds int, sqft real, price double precision GENERATED ALWAYS AS (pgml.predict('indexes', sqft, beds)) STORED);
ALTER TABLE part ATTACH PARTITION part_4 FOR VALUES FROM (3000) TO (4000);
CREATE UNIQUE INDEX ON part (id, price);
SELECT relname, indisvalid, pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
	WHERE c.relnamespace = 'indexes'::regnamespace AND relname LIKE 'part%' ORDER BY 1;
SELECT plan('SELECT id FROM part WHERE price < -59901 ORDER BY price');
SELECT count(*) FROM part WHERE price < -59901;
CREATE INDEX CONCURRENTLY ON part (price);

-- Heap tables: by hand, and stored predictions are plain columns.
CREATE TABLE heap_houses (id int, sqft real, beds int);
INSERT INTO heap_houses SELECT g, g, g % 5 FROM generate_series(1, 2000) g;
CREATE INDEX heap_houses_index ON heap_houses (pgml.predict('indexes', sqft, beds));
ANALYZE heap_houses;
SELECT plan('SELECT id FROM heap_houses WHERE pgml.predict(''indexes'', sqft, beds) < -60001');
SELECT count(*) FROM heap_houses WHERE pgml.predict('indexes', sqft, beds) < -60001;

-- What is made from a column goes with it.
ALTER TABLE houses DROP COLUMN price;
\d houses
DELETE FROM pgml.projects WHERE name = 'indexes';
DROP SCHEMA indexes CASCADE;
DROP ROLE indexes_user, indexes_writer;
