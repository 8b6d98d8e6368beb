-- Prediction columns of partitioned tables and inheritance trees: one expression for the whole tree.
SET client_min_messages = warning;
CREATE SCHEMA partitions;
SET search_path = partitions, public;
CREATE VIEW columns AS
	SELECT c.relname AS table_name, amname, a.attname AS column_name, a.attislocal, pg_get_expr(d.adbin, d.adrelid) AS expression
	FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid LEFT JOIN pg_am m ON m.oid = c.relam
	JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
	WHERE c.relnamespace = 'partitions'::regnamespace AND a.attgenerated = 's';

-- A partitioned table has no access method in this version of the server: its predictions are always computed when read.
CREATE TABLE part (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) PARTITION BY RANGE (id);
CREATE TABLE part_heap PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_pgml PARTITION OF part FOR VALUES FROM (10) TO (20) USING pgml;
CREATE TABLE part_nested PARTITION OF part FOR VALUES FROM (20) TO (30) PARTITION BY LIST (id);
CREATE TABLE part_leaf PARTITION OF part_nested DEFAULT;
-- Another order of columns, a dropped column; stored predictions in a heap table adapt to the parent.
CREATE TABLE part_order (p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED, gone int, x real, id int);
ALTER TABLE part_order DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_order FOR VALUES FROM (30) TO (40);
CREATE TABLE part_attached (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
ALTER TABLE part ATTACH PARTITION part_attached FOR VALUES FROM (40) TO (50);
CREATE TABLE part_like (LIKE part INCLUDING ALL);
ALTER TABLE part ATTACH PARTITION part_like DEFAULT;
INSERT INTO part SELECT g, g FROM generate_series(0, 59) g;
ALTER TABLE part ADD COLUMN q text GENERATED ALWAYS AS (pgml.classify('p', x, id)) STORED;
SELECT table_name, amname, column_name, attislocal, expression FROM columns WHERE table_name LIKE 'part%' ORDER BY 1, 3;
SELECT tableoid::regclass, count(*) FROM part GROUP BY 1 ORDER BY tableoid::regclass::text;
ALTER TABLE part DETACH PARTITION part_order;
SELECT column_name, expression FROM columns WHERE table_name = 'part_order' ORDER BY 1;
ALTER TABLE part ATTACH PARTITION part_order FOR VALUES FROM (30) TO (40);
ALTER TABLE part DETACH PARTITION part_order CONCURRENTLY;
DROP TABLE part_order;

-- A partition whose prediction is another one, or plain.
CREATE TABLE other_model (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('other', x)) STORED,
	q text GENERATED ALWAYS AS (pgml.classify('p', x, id)) STORED) USING pgml;
ALTER TABLE part ATTACH PARTITION other_model FOR VALUES FROM (30) TO (40);
CREATE TABLE plain (id int, x real, p double precision, q text) USING pgml;
ALTER TABLE part ATTACH PARTITION plain FOR VALUES FROM (30) TO (40);
CREATE TABLE generated (id int, x real, p double precision GENERATED ALWAYS AS (x * 2) STORED, q text);
ALTER TABLE part ATTACH PARTITION generated FOR VALUES FROM (30) TO (40);
CREATE TABLE plain_part (id int, x real, p double precision) PARTITION BY RANGE (id);
ALTER TABLE plain_part ATTACH PARTITION other_model FOR VALUES FROM (30) TO (40);
CREATE TABLE predicting (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
ALTER TABLE plain_part ATTACH PARTITION predicting FOR VALUES FROM (30) TO (40);
CREATE TABLE own PARTITION OF part (p GENERATED ALWAYS AS (pgml.predict('own', x)) STORED) FOR VALUES FROM (30) TO (40);

-- Rights: attaching somebody else's table is refused before anything is changed in it.
CREATE ROLE partitions_user;
GRANT ALL ON SCHEMA partitions TO partitions_user;
CREATE TABLE foreign_owned (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
SET ROLE partitions_user;
CREATE TABLE mine (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) PARTITION BY RANGE (id);
ALTER TABLE mine ATTACH PARTITION foreign_owned FOR VALUES FROM (0) TO (1);
RESET ROLE;

-- What is refused on one table is refused on a tree.
ALTER TABLE part ADD CHECK (p > 0);
ALTER TABLE part ALTER p SET NOT NULL;
ALTER TABLE part ALTER p DROP EXPRESSION;
ALTER TABLE part_heap ALTER p DROP EXPRESSION;
ALTER TABLE ONLY part_heap ADD CHECK (p > 0);
ALTER TABLE part ADD UNIQUE (id, p);
CREATE TRIGGER t AFTER UPDATE OF p ON part FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

-- Inheritance: a child of a table with prediction columns computes at reading, whatever its access method.
CREATE TABLE parent (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TABLE child_heap (y int) INHERITS (parent);
CREATE TABLE child_pgml (y int) INHERITS (parent) USING pgml;
CREATE TABLE child_own (q double precision GENERATED ALWAYS AS (pgml.predict('q', x)) STORED) INHERITS (parent) USING heap;
CREATE TABLE child_later (x real, id int, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
ALTER TABLE child_later INHERIT parent;
ALTER TABLE parent ADD COLUMN r text GENERATED ALWAYS AS (pgml.classify('p', x)) STORED;
SELECT table_name, amname, column_name, expression FROM columns WHERE table_name ~ '^(parent|child)' ORDER BY 1, 3;
ALTER TABLE child_later NO INHERIT parent;
SELECT table_name, amname, column_name, expression FROM columns WHERE table_name = 'child_later' ORDER BY 3;

-- A heap parent: one child that computes at reading makes the new column one that is computed at reading.
CREATE TABLE heap_parent (id int, x real);
CREATE TABLE heap_child () INHERITS (heap_parent);
ALTER TABLE heap_parent ADD COLUMN s double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
CREATE TABLE pgml_child () INHERITS (heap_parent) USING pgml;
ALTER TABLE heap_parent DROP COLUMN s;
CREATE TABLE pgml_child () INHERITS (heap_parent) USING pgml;
ALTER TABLE heap_parent ADD COLUMN s double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
SELECT table_name, amname, column_name, expression FROM columns WHERE table_name IN ('heap_parent', 'heap_child', 'pgml_child') ORDER BY 1, 3;
-- A child's prediction under a plain column of the parent would read as null through the parent.
CREATE TABLE plain_parent (id int, x real, p double precision);
CREATE TABLE bad (p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) INHERITS (plain_parent) USING pgml;
CREATE TABLE bad_2 (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
ALTER TABLE bad_2 INHERIT plain_parent;
CREATE TABLE bad_3 (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('other', x)) STORED) USING pgml;
ALTER TABLE bad_3 INHERIT parent;
CREATE TABLE late_parent (id int, x real);
CREATE TABLE late_child (p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) INHERITS (late_parent) USING pgml;
ALTER TABLE late_parent ADD COLUMN p double precision;
ALTER TABLE late_parent ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
ALTER TABLE late_parent ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('other', x)) STORED;
SELECT table_name, attislocal, expression FROM columns WHERE table_name LIKE 'late\_%' ORDER BY 1;
-- A tree of heap tables with stored predictions moves as a whole, from its root.
CREATE TABLE stored_parent (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
CREATE TABLE stored_child () INHERITS (stored_parent);
ALTER TABLE stored_child SET ACCESS METHOD pgml;
CREATE TABLE stored_grandchild () INHERITS (stored_child);
CREATE INDEX stored_grandchild_index ON stored_grandchild (p);
ALTER TABLE stored_parent SET ACCESS METHOD pgml;
DROP INDEX stored_grandchild_index;
ALTER TABLE stored_parent SET ACCESS METHOD pgml;
SELECT table_name, amname, expression FROM columns WHERE table_name LIKE 'stored\_%' ORDER BY 1;
ALTER TABLE stored_child SET ACCESS METHOD pgml;

-- Foreign partitions.
CREATE FOREIGN DATA WRAPPER partitions_wrapper;
CREATE SERVER partitions_server FOREIGN DATA WRAPPER partitions_wrapper;
CREATE FOREIGN TABLE part_foreign PARTITION OF part FOR VALUES FROM (30) TO (40) SERVER partitions_server;
SELECT expression FROM columns WHERE table_name = 'part_foreign' ORDER BY 1;

DROP FOREIGN DATA WRAPPER partitions_wrapper CASCADE;
DROP SCHEMA partitions CASCADE;
DROP ROLE partitions_user;
