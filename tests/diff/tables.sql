-- The objects of one side, in the schema named by :side. Both sides have equal names, so that one query text serves both
-- (search_path chooses) and messages are equal too. Only the storage and the generation expressions differ.
\set ON_ERROR_STOP on
CREATE SCHEMA :side;
SET search_path = :side;
GRANT USAGE ON SCHEMA :side TO pgml_diff_reader;

-- Every member of the family, dropped columns before and between, a prediction column before its features.
CREATE TABLE houses (
	dropped_first int,
	id bigint,
	price float8 GENERATED ALWAYS AS (:price) STORED,
	sqft real,
	note text,
	dropped_middle text,
	beds int,
	city text,
	tags text[],
	v real[],
	price_k numeric GENERATED ALWAYS AS (:price_k) STORED,
	rent float8 GENERATED ALWAYS AS (:rent) STORED,
	kind text GENERATED ALWAYS AS (:kind) STORED,
	probs real[] GENERATED ALWAYS AS (:probs) STORED,
	p_house float8 GENERATED ALWAYS AS (:p_house) STORED,
	sold float8 GENERATED ALWAYS AS (:sold) STORED,
	grade float8 GENERATED ALWAYS AS (:grade) STORED
) :using;
ALTER TABLE houses DROP COLUMN dropped_first, DROP COLUMN dropped_middle;
INSERT INTO houses (id, sqft, note, beds, city, tags, v)
	SELECT i, 20 + i * 13 % 290, 'n' || i, i % 6, (ARRAY['Oslo', 'Bergen', 'Rome', 'Łódź', 'Nowhere'])[1 + i * 7 % 5],
		ARRAY['t' || i % 3, 't' || i % 7], ARRAY[i % 10, i % 7, i % 3]
	FROM generate_series(1, 1500) i;
INSERT INTO houses (id, sqft, note, beds, city) VALUES
	(9001, NULL, NULL, 2, 'Oslo'), (9002, 50, '', NULL, NULL), (9003, NULL, NULL, NULL, NULL),
	(9004, 'NaN', 'nan', 1, 'Rome'), (9005, 'Infinity', 'inf', 0, ''), (9006, -1, repeat('long ', 1000), -5, 'OSLO');
-- A text feature stored out of line.
INSERT INTO houses (id, sqft, beds, city) SELECT 9007, 60, 1, string_agg(md5(i::text), '') FROM generate_series(1, 300) i;
ALTER TABLE houses ADD COLUMN late text DEFAULT 'late';
CREATE UNIQUE INDEX houses_id ON houses (id);
CREATE INDEX houses_beds ON houses (beds, sqft);

CREATE TABLE agents (aid int PRIMARY KEY, hid bigint, name text, floor float8);
INSERT INTO agents SELECT i, i * 3, 'agent ' || i, 50000 + i * 97 % 400000 FROM generate_series(1, 800) i;
INSERT INTO agents VALUES (9001, NULL, NULL, NULL);

-- Array features, and a small table for many-row products.
CREATE TABLE vecs (id int PRIMARY KEY, v real[], y float8 GENERATED ALWAYS AS (:vec) STORED, beds int) :using;
INSERT INTO vecs (id, v, beds) SELECT i, ARRAY[i % 10, i % 7, i % 3]::real[], i % 5 FROM generate_series(1, 200) i;
INSERT INTO vecs (id, v, beds) VALUES (501, ARRAY[NULL, 1, NULL]::real[], 2), (502, ARRAY[1, 2, 3]::real[], NULL), (503, NULL, NULL);
CREATE TABLE few (id int PRIMARY KEY, sqft real, beds int, city text,
	price float8 GENERATED ALWAYS AS (:price) STORED, kind text GENERATED ALWAYS AS (:kind) STORED) :using;
INSERT INTO few SELECT i, 30 * i, i % 4, (ARRAY['Oslo', 'Rome', NULL])[1 + i % 3] FROM generate_series(1, 12) i;
-- Numbers of fixed width only, which PgmlScan reads straight from the pages; NULLs of every pattern, a dropped and a late column.
CREATE TABLE plain (junk int2, id int, sqft real, flag boolean, beds int, rent float8 GENERATED ALWAYS AS (:rent) STORED,
	sold float8 GENERATED ALWAYS AS (:sold) STORED, grade float8 GENERATED ALWAYS AS (:grade) STORED, note text) :using;
INSERT INTO plain (junk, id, sqft, flag, beds) SELECT i, i, CASE WHEN i % 3 > 0 THEN 20 + i % 287 END, i % 5 = 0, CASE WHEN i % 7 > 0 THEN i % 6 END
	FROM generate_series(1, 600) i;
INSERT INTO plain (id, sqft, beds) VALUES (9001, 'NaN', 1), (9002, 'Infinity', 2), (9003, '-Infinity', NULL), (9004, '-0', 0);
ALTER TABLE plain DROP COLUMN junk;
ALTER TABLE plain ADD COLUMN late float8 DEFAULT 1.5;
INSERT INTO plain (id, sqft, beds, note, late) SELECT i, 20 + i % 287, i % 6, 'n' || i, nullif(i % 4, 0) FROM generate_series(601, 1000) i;
CREATE TABLE nothing (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) :using;

-- Every scalar type that a feature may have.
CREATE TABLE typed (id int, b boolean, n numeric, d base.share, y float8 GENERATED ALWAYS AS (:typed) STORED, e base.mood,
	c char(5), i2 smallint, i8 bigint, twice float8 GENERATED ALWAYS AS (2 * coalesce(:typed, -1) + 1) STORED) :using;
INSERT INTO typed (id, b, n, d, e, c, i2, i8) SELECT i, nullif(i % 3, 0) = 1, i / 9.0, nullif(i % 10, 3), (ARRAY['bad', 'good', NULL])[1 + i % 3]::base.mood,
	(ARRAY['aa', 'b', 'bb'])[1 + i % 3], i % 90, i::bigint * 1000000007 FROM generate_series(1, 150) i;

-- Clusters, and predictions that are arrays.
CREATE TABLE shapes (id int PRIMARY KEY, a real, crowd float8 GENERATED ALWAYS AS (:crowd) STORED, b int,
	axes real[] GENERATED ALWAYS AS (:axes) STORED, c real, both_targets real[] GENERATED ALWAYS AS (:both) STORED,
	spot public.vector(2) GENERATED ALWAYS AS (:spot) STORED) :using;
INSERT INTO shapes (id, a, b, c) SELECT i, i % 41, i % 17, nullif(i % 29, 5) FROM generate_series(1, 600) i;
INSERT INTO shapes (id, a, b, c) VALUES (901, NULL, NULL, NULL), (902, 'Infinity', 3, '-Infinity'), (903, 'NaN', 2147483647, 1e38);

-- Features that the model does not look at: long texts out of line, arrays, numbers, NULLs.
CREATE TABLE slim (id int, note text, x int, y float8 GENERATED ALWAYS AS (:narrow) STORED, n real, pair real[]) :using;
ALTER TABLE slim ALTER note SET STORAGE EXTERNAL;
INSERT INTO slim (id, note, x, n, pair) SELECT i, CASE WHEN i % 5 > 0 THEN repeat('long', i % 3 * 1500) END, nullif(i % 100, 7),
	CASE WHEN i % 3 > 0 THEN i END, CASE WHEN i % 4 > 0 THEN ARRAY[i, NULL] END FROM generate_series(1, 300) i;
ALTER TABLE slim ADD COLUMN late real DEFAULT 7, ADD COLUMN later int;

-- Vectors, which have faiss indexes on the tested side (modes.py): no two as far from a query; a grid, where many are; a table whose
-- partitions have indexes of different kinds; rows larger than a page.
CREATE TABLE near (id int PRIMARY KEY, g int, sqft real, v public.vector(8), beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED,
	r real[]) :using;
INSERT INTO near (id, g, sqft, beds, city, v, r) SELECT i, i % 10, 20 + i * 13 % 290, i % 6, (ARRAY['Oslo', 'Rome', NULL])[1 + i % 3],
	base.some_vector(i, 8), base.some_vector(-i, 12) FROM generate_series(1, 900) i;
INSERT INTO near (id, g, sqft, beds) SELECT i, i % 10, i, 2 FROM generate_series(901, 915) i;
CREATE TABLE grid (id int PRIMARY KEY, g int, v public.vector(3)) :using;
INSERT INTO grid SELECT i, i % 4, CASE WHEN i % 20 > 0 THEN ARRAY[i % 5, i % 3, i % 2]::real[]::public.vector END FROM generate_series(1, 600) i;
CREATE TABLE parts (id int, g int, v public.vector(8)) PARTITION BY LIST (g);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN (0) :using;
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) :using;
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2) :using;
CREATE TABLE parts_3 PARTITION OF parts DEFAULT :using;
INSERT INTO parts SELECT i, i % 5, base.some_vector(i + 5000, 8) FROM generate_series(1, 1000) i;
CREATE TABLE wide (id int, v public.vector(2100)) :using;
INSERT INTO wide SELECT i, base.some_vector(i, 2100) FROM generate_series(1, 40) i;

-- Partitions: same layout, another column order with a dropped column, sub-partitions, default.
CREATE TABLE lots (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED,
	kind text GENERATED ALWAYS AS (:kind) STORED, note text) PARTITION BY RANGE (id);
CREATE TABLE lots_1 PARTITION OF lots FOR VALUES FROM (0) TO (300) :using;
CREATE TABLE lots_2 (city text, junk int, kind text GENERATED ALWAYS AS (:kind) STORED, beds int, note text,
	price float8 GENERATED ALWAYS AS (:price) STORED, id int, sqft real) :using;
ALTER TABLE lots_2 DROP COLUMN junk;
ALTER TABLE lots ATTACH PARTITION lots_2 FOR VALUES FROM (300) TO (700);
CREATE TABLE lots_3 PARTITION OF lots FOR VALUES FROM (700) TO (1000) PARTITION BY LIST (beds);
CREATE TABLE lots_3a PARTITION OF lots_3 FOR VALUES IN (0, 1, 2) :using;
CREATE TABLE lots_3b PARTITION OF lots_3 DEFAULT :using;
CREATE TABLE lots_rest PARTITION OF lots DEFAULT :using;
INSERT INTO lots (id, sqft, beds, city, note)
	SELECT i, 20 + i % 77 * 4, i % 5, (ARRAY['Oslo', 'Rome', 'Bergen'])[1 + i % 3], 'l' || i FROM generate_series(0, 1100) i;
CREATE INDEX ON lots (id);
-- Hash partitions for partitionwise joins.
CREATE TABLE plots (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) PARTITION BY HASH (id);
CREATE TABLE plots_0 PARTITION OF plots FOR VALUES WITH (MODULUS 2, REMAINDER 0) :using;
CREATE TABLE plots_1 PARTITION OF plots FOR VALUES WITH (MODULUS 2, REMAINDER 1) :using;
INSERT INTO plots SELECT i, 10 * (i % 31), i % 4, 'Oslo' FROM generate_series(1, 300) i;
CREATE TABLE plots_too (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) PARTITION BY HASH (id);
CREATE TABLE plots_too_0 PARTITION OF plots_too FOR VALUES WITH (MODULUS 2, REMAINDER 0) :using;
CREATE TABLE plots_too_1 PARTITION OF plots_too FOR VALUES WITH (MODULUS 2, REMAINDER 1) :using;
INSERT INTO plots_too SELECT i, 9 * (i % 29), i % 5, 'Rome' FROM generate_series(1, 300, 2) i;

-- Inheritance: children with more columns and in another order.
CREATE TABLE estate (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) :using;
CREATE TABLE villa (pool boolean) INHERITS (estate) :using;
CREATE TABLE hut (smoke text, city text, price float8 GENERATED ALWAYS AS (:price) STORED, beds int, id int, sqft real) :using;
ALTER TABLE hut INHERIT estate;
INSERT INTO estate SELECT i, i * 9, i % 4, 'Oslo' FROM generate_series(1, 60) i;
INSERT INTO villa (id, sqft, beds, city, pool) SELECT i, i * 8, i % 3, 'Rome', i % 2 = 0 FROM generate_series(61, 90) i;
INSERT INTO hut (id, sqft, beds, city, smoke) SELECT i, i * 2, 1, 'Bergen', 's' || i FROM generate_series(91, 110) i;

CREATE TABLE castle (worth float8 GENERATED ALWAYS AS (:price) STORED, towers int) INHERITS (villa) :using;
INSERT INTO castle (id, sqft, beds, city, towers) SELECT i, i * 2, 5, 'Rome', i % 4 FROM generate_series(111, 130) i;

-- Views.
CREATE VIEW rich AS SELECT id, price * 2 AS p2, houses AS h FROM houses WHERE price > 200000;
CREATE VIEW barred WITH (security_barrier) AS SELECT id, price, kind, beds FROM houses WHERE price > 250000;
CREATE VIEW checked AS SELECT id, sqft, beds, city, price FROM houses WHERE price > 150000 WITH CHECK OPTION;
CREATE VIEW checked_cascaded AS SELECT * FROM checked WHERE price < 400000 WITH CASCADED CHECK OPTION;
CREATE VIEW updatable AS SELECT id, note, beds, price, kind FROM houses WHERE beds < 4;
CREATE VIEW joined AS SELECT h.id, h.price, a.name, a.aid FROM houses h LEFT JOIN agents a ON a.hid = h.id;
CREATE VIEW summed AS SELECT city, sum(price) AS total, max(kind) AS kind FROM houses GROUP BY city;
CREATE VIEW united AS SELECT id, price FROM houses WHERE id <= 20 UNION ALL SELECT id, price FROM few;
CREATE VIEW invoker_view WITH (security_invoker) AS SELECT id, price FROM houses;
CREATE VIEW ruled AS SELECT id, note, price FROM houses;
CREATE RULE ruled_update AS ON UPDATE TO ruled DO INSTEAD
	UPDATE houses SET note = NEW.note || ' ' || OLD.price WHERE id = OLD.id RETURNING houses.id, houses.note, houses.price;
CREATE VIEW redirected AS SELECT id, note, price, houses FROM houses WHERE price > 100000;
CREATE TABLE redirections (what text, id bigint, old_price float8, new_price float8, old_row text);
CREATE FUNCTION redirect() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO redirections VALUES (TG_OP, OLD.id, OLD.price, NEW.price, (OLD.houses).kind); RETURN NEW; END$$;
CREATE TRIGGER redirect INSTEAD OF UPDATE ON redirected FOR EACH ROW EXECUTE FUNCTION redirect();

-- Functions.
CREATE FUNCTION f_sql(bigint) RETURNS float8 STABLE LANGUAGE sql AS 'SELECT price FROM houses WHERE id = $1';
CREATE FUNCTION f_atomic(bigint) RETURNS float8 STABLE LANGUAGE sql BEGIN ATOMIC SELECT price FROM houses WHERE id = $1; END;
CREATE FUNCTION f_srf(bigint) RETURNS SETOF houses STABLE LANGUAGE sql AS 'SELECT * FROM houses WHERE id <= $1';
CREATE FUNCTION f_srf_atomic(low float8) RETURNS TABLE (id bigint, price float8) STABLE LANGUAGE sql
	BEGIN ATOMIC SELECT h.id, h.price FROM houses h WHERE h.price > low; END;
CREATE FUNCTION f_srf_nested(float8) RETURNS TABLE (n bigint, top float8) STABLE LANGUAGE sql AS
	'SELECT count(*), max(s.price) FROM f_srf_atomic($1) s JOIN houses h USING (id) WHERE h.price = s.price';
CREATE FUNCTION f_plpgsql(bigint) RETURNS float8 STABLE LANGUAGE plpgsql AS
	$$DECLARE r record; BEGIN SELECT * INTO r FROM houses WHERE id = $1; RETURN r.price; END$$;
CREATE FUNCTION f_plpgsql_typed(bigint) RETURNS text STABLE LANGUAGE plpgsql AS
	$$DECLARE r houses; k houses.kind%TYPE; BEGIN SELECT * INTO r FROM houses WHERE id = $1; k := r.kind; RETURN k || r.price; END$$;
CREATE FUNCTION f_plpgsql_query(bigint) RETURNS SETOF houses STABLE LANGUAGE plpgsql AS
	$$BEGIN RETURN QUERY SELECT * FROM houses WHERE id < $1 ORDER BY id; END$$;
CREATE FUNCTION f_plpgsql_loop(bigint) RETURNS float8 STABLE LANGUAGE plpgsql AS
	$$DECLARE s float8 := 0; r record; BEGIN
		FOR r IN SELECT id, price FROM houses WHERE id <= $1 ORDER BY price, id LOOP s := s + r.price; EXIT WHEN r.id = 1; END LOOP;
		RETURN s; END$$;
CREATE FUNCTION f_one(bigint) RETURNS houses VOLATILE LANGUAGE sql AS 'SELECT * FROM houses WHERE id = $1';
CREATE FUNCTION f_insert(bigint) RETURNS SETOF few LANGUAGE sql AS
	'INSERT INTO few (id, sqft, beds, city) VALUES ($1, 55, 2, ''Oslo'') RETURNING *';
CREATE FUNCTION f_plpgsql_statements(bigint) RETURNS text LANGUAGE plpgsql AS
	$$DECLARE p float8; h houses; c CURSOR (low float8) FOR SELECT id, price FROM houses WHERE price > low ORDER BY price, id; r record; t text := '';
	BEGIN
		SELECT price INTO p FROM houses WHERE id = $1;
		h := (SELECT x FROM houses x WHERE x.id = $1);
		t := p || ' ' || h.price || ' ' || (h.price = p);
		IF (SELECT price FROM houses WHERE id = $1) > 100000 THEN t := t || ' dear'; END IF;
		FOR r IN c (p) LOOP t := t || ' ' || r.id; EXIT WHEN length(t) > 60; END LOOP;
		EXECUTE 'SELECT price FROM houses WHERE price >= $1 AND id <> $2 ORDER BY price, id LIMIT 1' INTO p USING p, $1;
		UPDATE houses SET sqft = coalesce(sqft, 0) + 40 WHERE id = $1 RETURNING price INTO p;
		SELECT * INTO h FROM houses WHERE id = $1;
		RETURN t || ' ' || p || ' ' || h.price || ' ' || (SELECT h.price > avg(price) FROM few);
	END$$;
CREATE FUNCTION f_row(houses) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT ($1).price + 1';
CREATE FUNCTION f_row_plpgsql(houses) RETURNS text STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1.kind || $1.price; END';
CREATE FUNCTION f_update(bigint) RETURNS TABLE (i bigint, p float8) LANGUAGE sql AS
	'UPDATE houses SET beds = beds + 1 WHERE id = $1 RETURNING id, price';
CREATE FUNCTION leak(float8, bigint) RETURNS bool COST 0.0001 LANGUAGE plpgsql AS
	$$BEGIN IF $1 <= 250000 THEN RAISE NOTICE 'leaked %', $2; END IF; RETURN true; END$$;
CREATE FUNCTION seen(float8) RETURNS float8 VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE AGGREGATE float8_list(float8) (sfunc = array_append, stype = float8[], initcond = '{}');

-- Foreign tables over the loopback server.
CREATE FOREIGN TABLE far_houses (id bigint, price float8, sqft real, beds int, city text, kind text, probs real[])
	SERVER loopback OPTIONS (schema_name :'side', table_name 'houses');
CREATE FOREIGN TABLE far_few (id int, sqft real, beds int, city text, price float8)
	SERVER loopback OPTIONS (schema_name :'side', table_name 'few');

-- Row security on predictions.
CREATE TABLE guarded (id int, owner_id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) :using;
INSERT INTO guarded SELECT i, i % 3, i * 3, i % 5, 'Oslo' FROM generate_series(1, 100) i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_rich ON guarded FOR SELECT TO pgml_diff_reader
	USING (price > 250000 AND EXISTS (SELECT FROM few WHERE few.price < guarded.price));
CREATE POLICY write_rich ON guarded FOR INSERT TO pgml_diff_reader WITH CHECK (price > 100000);
CREATE POLICY change_rich ON guarded FOR UPDATE TO pgml_diff_reader USING (price > 260000) WITH CHECK (price > 255000 AND price IS NOT NULL);
CREATE POLICY remove_rich ON guarded FOR DELETE TO pgml_diff_reader USING (price > 290000);
GRANT SELECT, INSERT, UPDATE, DELETE ON guarded, few TO pgml_diff_reader;

-- Column privileges: predictions may be read without the features.
CREATE TABLE secret (id int, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) :using;
INSERT INTO secret SELECT i, i * 5, i % 5, 'Rome' FROM generate_series(1, 50) i;
GRANT SELECT (id, price), INSERT (id, sqft, beds) ON secret TO pgml_diff_reader;
GRANT SELECT ON barred, invoker_view, joined TO pgml_diff_reader;

-- Triggers with transition tables.
CREATE TABLE log (what text, n bigint, total float8, detail text);
CREATE TABLE watched (id int PRIMARY KEY, sqft real, beds int, city text, price float8 GENERATED ALWAYS AS (:price) STORED) :using;
INSERT INTO watched SELECT i, i * 10, i % 5, 'Oslo' FROM generate_series(1, 30) i;
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN
		IF TG_OP = 'INSERT' THEN
			INSERT INTO log SELECT 'insert', count(*), sum(price), string_agg(n::text, ';' ORDER BY id) FROM new_rows n;
		ELSIF TG_OP = 'UPDATE' THEN
			INSERT INTO log SELECT 'update', count(*), sum(n.price - o.price), max(o.price)::text FROM new_rows n JOIN old_rows o USING (id);
		ELSE
			INSERT INTO log SELECT 'delete', count(*), sum(price), max(w.price)::text FROM old_rows w;
		END IF;
		RETURN NULL;
	END$$;
CREATE TRIGGER watch_insert AFTER INSERT ON watched REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION watch();
CREATE TRIGGER watch_update AFTER UPDATE ON watched REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION watch();
CREATE TRIGGER watch_delete AFTER DELETE ON watched REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION watch();
-- An AFTER ROW trigger that reads the prediction by key.
CREATE FUNCTION look_up() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO log SELECT 'row', w.id, w.price, NULL FROM watched w WHERE w.id = NEW.id; RETURN NULL; END$$;
CREATE TRIGGER look_up AFTER INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION look_up();

ANALYZE;
