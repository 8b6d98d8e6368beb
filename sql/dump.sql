-- What pg_dump writes, restored in its order: tables, rows, models, indexes; and the life of the extension around it.
SET client_min_messages = warning;
CREATE DATABASE dump_test;
\c dump_test
SET client_min_messages = warning;
CREATE EXTENSION pgml_am;

-- Tables come with the deferred call and default_table_access_method; the project does not exist yet.
SELECT pg_catalog.set_config('search_path', '', false);
SET default_table_access_method = pgml;
CREATE TABLE public.houses (
    id integer NOT NULL,
    sqft real,
    beds integer,
    price double precision GENERATED ALWAYS AS (pgml.predict_deferred('dump'::text, sqft, beds)) STORED
);
CREATE TABLE public.part (
    id integer,
    x real,
    p double precision GENERATED ALWAYS AS (pgml.predict_deferred('dump'::text, x, id)) STORED
)
PARTITION BY RANGE (id);
SET default_table_access_method = heap;
CREATE TABLE public.part_1 (
    p double precision GENERATED ALWAYS AS (pgml.predict_deferred('dump'::text, x, id)) STORED,
    id integer,
    x real
);
CREATE TABLE public.stored (
    id integer,
    x real,
    p double precision GENERATED ALWAYS AS (pgml.predict('dump'::text, x, id)) STORED
);
CREATE VIEW public.expensive AS
 SELECT houses.id, houses.price FROM public.houses WHERE (houses.price > (380)::double precision);
CREATE MATERIALIZED VIEW public.prices AS
 SELECT houses.id, houses.price FROM public.houses
  WITH NO DATA;
ALTER TABLE ONLY public.part ATTACH PARTITION public.part_1 FOR VALUES FROM (0) TO (10);
COPY public.houses (id, sqft, beds) FROM stdin;
1	100	1
2	50	2
\.
COPY public.part_1 (id, x) FROM stdin;
1	2
\.
-- Until the models are there, reading says what is missing, and so does building an index over rows.
TABLE public.houses;
SELECT id, sqft FROM public.houses ORDER BY id;
CREATE INDEX houses_price_idx ON public.houses USING btree (pgml.predict('dump'::text, sqft, beds));
INSERT INTO public.stored VALUES (1, 1);

CREATE TABLE public.training AS SELECT g::real AS sqft, g % 5 AS beds, (g * 3 + (g % 5) * 100)::double precision AS price FROM pg_catalog.generate_series(1, 200) g;
SELECT project, deployed FROM pgml.train('dump', 'regression', 'public.training', 'price', algorithm => 'linear');
COPY public.stored (id, x) FROM stdin;
1	2
\.
ALTER TABLE ONLY public.houses
    ADD CONSTRAINT houses_pkey PRIMARY KEY (id);
CREATE INDEX houses_price_idx ON public.houses USING btree (pgml.predict('dump'::text, sqft, beds));
CREATE INDEX houses_part_idx ON public.houses USING btree (id) WHERE (pgml.predict('dump'::text, sqft, beds) > (300)::double precision);
CREATE INDEX part_p_idx ON ONLY public.part USING btree (pgml.predict('dump'::text, x, id));
CREATE INDEX part_1_p_idx ON public.part_1 USING btree (pgml.predict('dump'::text, x, id));
ALTER INDEX public.part_p_idx ATTACH PARTITION public.part_1_p_idx;
CREATE STATISTICS public.houses_price ON pgml.predict('dump'::text, sqft, beds) FROM public.houses;
REFRESH MATERIALIZED VIEW public.prices;
SELECT id, sqft, beds, round(price) FROM public.houses ORDER BY id;
SELECT id, round(price) FROM public.expensive;
SELECT id, round(price) FROM public.prices ORDER BY id;
SELECT id, round(p) FROM public.part;
SELECT id, round(p) FROM public.stored;
-- Restored indexes serve those who write without a right on the model.
CREATE ROLE dump_writer;
GRANT INSERT ON public.houses, public.part TO dump_writer;
SET ROLE dump_writer;
INSERT INTO public.houses VALUES (3, 10, 1);
INSERT INTO public.part VALUES (3, 10);
RESET ROLE;
-- The text that a dump would hold again.
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('public.houses'::regclass, 'public.part'::regclass, 'public.part_1'::regclass) ORDER BY indexrelid::regclass::text;
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext;
SELECT pg_get_viewdef('public.expensive');
COPY public.houses TO stdout;
SELECT attrelid::regclass, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
	WHERE attgenerated = 's' ORDER BY attrelid::regclass::text;

-- The extension does not go while tables need it, and comes back.
\set VERBOSITY terse
DROP EXTENSION pgml_am;
BEGIN;
DROP EXTENSION pgml_am CASCADE;
SELECT relname FROM pg_class WHERE relname IN ('houses', 'part', 'stored', 'training', 'expensive') ORDER BY 1;
ROLLBACK;
\set VERBOSITY default
SELECT id, round(price) FROM public.expensive;
DROP EXTENSION pgml_am CASCADE;
SELECT relname FROM pg_class WHERE relname IN ('houses', 'part', 'stored', 'training', 'expensive') ORDER BY 1;
\d public.stored
CREATE TABLE public.gone (x real) USING pgml;
SET search_path = public;
CREATE EXTENSION pgml_am;
CREATE TABLE public.back (x real, p double precision GENERATED ALWAYS AS (pgml.predict('back', x)) STORED) USING pgml;
INSERT INTO public.back VALUES (1);
CREATE INDEX ON public.back (p);
\d public.back
\c pgml_regress
SET client_min_messages = warning;
DROP DATABASE dump_test;
DROP ROLE dump_writer;
