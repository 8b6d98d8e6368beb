-- The index access method for nearest neighbors, over vector and real[].
CREATE FUNCTION pgml.faiss_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pgml_faiss_handler' LANGUAGE C STRICT;
CREATE ACCESS METHOD faiss TYPE INDEX HANDLER pgml.faiss_handler;
COMMENT ON ACCESS METHOD faiss IS 'nearest neighbors by inverted lists of quantized vectors';

-- What operator classes call: metric and type.
CREATE FUNCTION pgml.faiss_vector_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_vector_l2' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.faiss_vector_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_vector_ip' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.faiss_vector_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_vector_cosine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.faiss_real_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_real_l2' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.faiss_real_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_real_ip' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.faiss_real_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_faiss_real_cosine' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- Distances of real[]: the same numbers as those of vector.
CREATE FUNCTION pgml.l2_distance(real[], real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_real_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.negative_inner_product(real[], real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_real_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_distance(real[], real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_real_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE OPERATOR <-> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = pgml.l2_distance, COMMUTATOR = <->);
CREATE OPERATOR <#> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = pgml.negative_inner_product, COMMUTATOR = <#>);
CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = pgml.cosine_distance, COMMUTATOR = <=>);

-- Ranges, as index scans take them: the planner makes these of WHERE column <-> query < r. Internal: nobody has to write them.
CREATE TYPE pgml.vector_range AS (center vector, radius double precision, inclusive boolean);
CREATE TYPE pgml.real_range AS (center real[], radius double precision, inclusive boolean);
COMMENT ON TYPE pgml.vector_range IS 'internal: the range of an index scan';
COMMENT ON TYPE pgml.real_range IS 'internal: the range of an index scan';
CREATE FUNCTION pgml.l2_within(vector, pgml.vector_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <-> ($2).center <= ($2).radius ELSE $1 <-> ($2).center < ($2).radius END;
END;
CREATE FUNCTION pgml.ip_within(vector, pgml.vector_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <#> ($2).center <= ($2).radius ELSE $1 <#> ($2).center < ($2).radius END;
END;
CREATE FUNCTION pgml.cosine_within(vector, pgml.vector_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <=> ($2).center <= ($2).radius ELSE $1 <=> ($2).center < ($2).radius END;
END;
CREATE FUNCTION pgml.l2_within(real[], pgml.real_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <-> ($2).center <= ($2).radius ELSE $1 <-> ($2).center < ($2).radius END;
END;
CREATE FUNCTION pgml.ip_within(real[], pgml.real_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <#> ($2).center <= ($2).radius ELSE $1 <#> ($2).center < ($2).radius END;
END;
CREATE FUNCTION pgml.cosine_within(real[], pgml.real_range) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT CASE WHEN ($2).inclusive THEN $1 <=> ($2).center <= ($2).radius ELSE $1 <=> ($2).center < ($2).radius END;
END;
CREATE OPERATOR <<->> (LEFTARG = vector, RIGHTARG = pgml.vector_range, FUNCTION = pgml.l2_within);
COMMENT ON OPERATOR <<->> (vector, pgml.vector_range) IS 'internal: <-> within a range';
CREATE OPERATOR <<#>> (LEFTARG = vector, RIGHTARG = pgml.vector_range, FUNCTION = pgml.ip_within);
COMMENT ON OPERATOR <<#>> (vector, pgml.vector_range) IS 'internal: <#> within a range';
CREATE OPERATOR <<=>> (LEFTARG = vector, RIGHTARG = pgml.vector_range, FUNCTION = pgml.cosine_within);
COMMENT ON OPERATOR <<=>> (vector, pgml.vector_range) IS 'internal: <=> within a range';
CREATE OPERATOR <<->> (LEFTARG = real[], RIGHTARG = pgml.real_range, FUNCTION = pgml.l2_within);
COMMENT ON OPERATOR <<->> (real[], pgml.real_range) IS 'internal: <-> within a range';
CREATE OPERATOR <<#>> (LEFTARG = real[], RIGHTARG = pgml.real_range, FUNCTION = pgml.ip_within);
COMMENT ON OPERATOR <<#>> (real[], pgml.real_range) IS 'internal: <#> within a range';
CREATE OPERATOR <<=>> (LEFTARG = real[], RIGHTARG = pgml.real_range, FUNCTION = pgml.cosine_within);
COMMENT ON OPERATOR <<=>> (real[], pgml.real_range) IS 'internal: <=> within a range';

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING faiss AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, OPERATOR 2 <<->> (vector, pgml.vector_range),
	FUNCTION 1 pgml.faiss_vector_l2(internal);
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING faiss AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops, OPERATOR 2 <<#>> (vector, pgml.vector_range),
	FUNCTION 1 pgml.faiss_vector_ip(internal);
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING faiss AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops, OPERATOR 2 <<=>> (vector, pgml.vector_range),
	FUNCTION 1 pgml.faiss_vector_cosine(internal);
CREATE OPERATOR CLASS real_l2_ops DEFAULT FOR TYPE real[] USING faiss AS
	OPERATOR 1 <-> (real[], real[]) FOR ORDER BY float_ops, OPERATOR 2 <<->> (real[], pgml.real_range),
	FUNCTION 1 pgml.faiss_real_l2(internal);
CREATE OPERATOR CLASS real_ip_ops FOR TYPE real[] USING faiss AS
	OPERATOR 1 <#> (real[], real[]) FOR ORDER BY float_ops, OPERATOR 2 <<#>> (real[], pgml.real_range),
	FUNCTION 1 pgml.faiss_real_ip(internal);
CREATE OPERATOR CLASS real_cosine_ops FOR TYPE real[] USING faiss AS
	OPERATOR 1 <=> (real[], real[]) FOR ORDER BY float_ops, OPERATOR 2 <<=>> (real[], pgml.real_range),
	FUNCTION 1 pgml.faiss_real_cosine(internal);

CREATE FUNCTION pgml.index_info(
	index regclass, OUT factory text, OUT metric text, OUT dimensions integer, OUT lists integer, OUT rows bigint, OUT dead_rows bigint,
	OUT built_rows bigint, OUT inserted_rows bigint, OUT smallest_list bigint, OUT largest_list bigint, OUT pages bigint, OUT code_pages bigint,
	OUT drift double precision, OUT recall_curve jsonb, OUT advice text)
	AS 'MODULE_PATHNAME', 'pgml_index_info' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pgml.index_info(regclass) IS 'what a faiss index holds and what recall its settings reached when it was built';
CREATE FUNCTION pgml.reindex_advice(index regclass) RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_reindex_advice' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pgml.reindex_advice(regclass) IS 'why a faiss index should be built anew, NULL = no reason to';
CREATE FUNCTION pgml.last_search(
	OUT index regclass, OUT lists_opened bigint, OUT pages_read bigint, OUT codes_scanned bigint, OUT rows_bounded bigint, OUT rows_returned bigint,
	OUT rows_left_out bigint)
	AS 'MODULE_PATHNAME', 'pgml_last_search' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION pgml.last_search() IS 'what the last search of this session in a faiss index did';
