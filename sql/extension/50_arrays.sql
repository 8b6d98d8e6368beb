-- Vectors as arrays: arithmetic, norms, distances and element-wise aggregates. Names, arguments and results over real[] and
-- double precision[] are the incumbent's. Arrays of the other number types are there for calls like
-- pgml.norm_l2(ARRAY[1, 2]) and pgml.norm_l2(ARRAY[0.5, 2]), which could not choose between those two; they count as double precision[].
CREATE FUNCTION pgml.add(vector real[], scalar real) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(vector double precision[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(vector smallint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(vector integer[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(vector bigint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(vector numeric[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a real[], b real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a double precision[], b double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a smallint[], b smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a integer[], b integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a bigint[], b bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.add(a numeric[], b numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector real[], scalar real) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector double precision[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector smallint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector integer[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector bigint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(vector numeric[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a real[], b real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a double precision[], b double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a smallint[], b smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a integer[], b integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a bigint[], b bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.subtract(a numeric[], b numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector real[], scalar real) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector double precision[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector smallint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector integer[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector bigint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(vector numeric[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a real[], b real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a double precision[], b double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a smallint[], b smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a integer[], b integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a bigint[], b bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.multiply(a numeric[], b numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector real[], scalar real) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector double precision[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector smallint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector integer[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector bigint[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(vector numeric[], scalar double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide_scalar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a real[], b real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a double precision[], b double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a smallint[], b smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a integer[], b integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a bigint[], b bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.divide(a numeric[], b numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_divide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pgml.norm_l0(vector real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l0(vector double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l0(vector smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l0(vector integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l0(vector bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l0(vector numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l0' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l1(vector numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_l2(vector numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.norm_max(vector numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_norm_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pgml.normalize_l1(vector real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l1(vector double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l1(vector smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l1(vector integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l1(vector bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l1(vector numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_l2(vector numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector smallint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector integer[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector bigint[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.normalize_max(vector numeric[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_normalize_max' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pgml.distance_l1(a real[], b real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l1(a double precision[], b double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l1(a smallint[], b smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l1(a integer[], b integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l1(a bigint[], b bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l1(a numeric[], b numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a real[], b real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a double precision[], b double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a smallint[], b smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a integer[], b integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a bigint[], b bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.distance_l2(a numeric[], b numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_distance_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a real[], b real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a double precision[], b double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a smallint[], b smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a integer[], b integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a bigint[], b bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.dot_product(a numeric[], b numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_dot_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a real[], b real[]) RETURNS real
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a double precision[], b double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a smallint[], b smallint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a integer[], b integer[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a bigint[], b bigint[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.cosine_similarity(a numeric[], b numeric[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_array_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
