// node-postgres and pgvector's package against the type vector of pgml_am. tests/clients/run starts it in a fresh database;
// the connection comes from the environment.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import pg from 'pg';
import pgvector from 'pgvector/pg';

let client;

before(async () => {
	client = new pg.Client();
	await client.connect();
});
after(() => client.end());

// The rows of a query.
async function rows(text, values) {
	return (await client.query(text, values)).rows;
}

// The SQLSTATE that a query ends with.
async function sqlstate(text, values) {
	try {
		await client.query(text, values);
	} catch (error) {
		return error.code;
	}
	return 'none';
}

test('CREATE EXTENSION IF NOT EXISTS vector', async () => {
	await client.query('CREATE EXTENSION IF NOT EXISTS vector');
	await client.query('CREATE EXTENSION IF NOT EXISTS vector');
	assert.equal((await rows("SELECT count(*)::int AS n FROM pg_extension WHERE extname = 'vector'"))[0].n, 1);
});

test('registerTypes finds the type', async () => {
	await client.query('CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3))');
	await pgvector.registerTypes(client);
});

test('values go in as toSql and as text, and come out as arrays', async () => {
	await client.query('INSERT INTO items (embedding) VALUES ($1), ($2), ($3)', [pgvector.toSql([1, 2, 3]), '[4, 5, 6]', null]);
	const found = await rows('SELECT embedding FROM items ORDER BY id');
	assert.deepEqual(found.map(row => row.embedding), [[1, 2, 3], [4, 5, 6], null]);
});

test('numbers keep their single precision', async () => {
	const values = [0.1, -1e-30, 3.4e38].map(Math.fround);
	const [row] = await rows('SELECT $1::vector AS v', [pgvector.toSql(values)]);
	assert.deepEqual(row.v.map(Math.fround), values);
});

test('the type modifier is kept and checked', async () => {
	const [row] = await rows("SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'embedding'");
	assert.equal(row.type, 'vector(3)');
	assert.equal(await sqlstate('INSERT INTO items (embedding) VALUES ($1)', [pgvector.toSql([1, 2])]), '22000');
});

for (const [operator, first] of [['<->', [1, 2, 3]], ['<#>', [4, 5, 6]], ['<=>', [1, 2, 3]], ['<+>', [1, 2, 3]]])
	test(`ORDER BY ${operator} with an untyped parameter`, async () => {
		const found = await rows(`SELECT embedding, embedding ${operator} $1 AS distance FROM items WHERE embedding IS NOT NULL
			ORDER BY embedding ${operator} $1 LIMIT 1`, [pgvector.toSql([1, 2, 3])]);
		assert.deepEqual(found[0].embedding, first);
		assert.equal(typeof found[0].distance, 'number');
	});

test('the parameter may stand on either side, and be typed', async () => {
	for (const expression of ['$1 <-> embedding', 'embedding <-> $1::vector', '$1::vector(3) <-> embedding', 'l2_distance(embedding, $1)'])
		assert.deepEqual((await rows(`SELECT embedding FROM items ORDER BY ${expression} LIMIT 1`, ['[4,5,7]']))[0].embedding, [4, 5, 6]);
});

test('a prepared statement, run often enough for a generic plan', async () => {
	for (let i = 0; i < 8; i++) {
		const found = await client.query({ name: 'nearest', text: 'SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 1', values: [pgvector.toSql([i, i, i])] });
		assert.equal(found.rows.length, 1);
	}
});

test('an array of numbers becomes a vector by a cast', async () => {
	const [row] = await rows('SELECT $1::real[]::vector AS v, ARRAY[1, 2, 3]::vector AS w, $2::float8[]::vector AS x', [[1, 2, 3], [0.5, 1.5]]);
	assert.deepEqual([row.v, row.w, row.x], [[1, 2, 3], [1, 2, 3], [0.5, 1.5]]);
});

test('arrays of vectors', async () => {
	await client.query('CREATE TABLE bags (id int, embeddings vector(3)[])');
	await client.query('INSERT INTO bags VALUES (1, $1), (2, ARRAY[$2, $3]::vector[]), (3, $4)',
		[[pgvector.toSql([1, 2, 3]), pgvector.toSql([4, 5, 6])], '[7,8,9]', null, null]);
	const found = await rows('SELECT id, embeddings::text[] AS texts FROM bags ORDER BY id');
	assert.deepEqual(found.map(row => row.texts), [['[1,2,3]', '[4,5,6]'], ['[7,8,9]', null], null]);
	assert.deepEqual((await rows('SELECT unnest(embeddings) AS v FROM bags WHERE id = 1')).map(row => row.v), [[1, 2, 3], [4, 5, 6]]);
	const near = await rows('SELECT id FROM items WHERE embedding = ANY($1::vector[])', [['[1,2,3]', '[0,0,0]']]);
	assert.equal(near.length, 1);
});

// What vector_send makes and vector_recv takes: int16 dimensions, int16 0, float4 each, big-endian.
function binary(values) {
	const bytes = Buffer.alloc(4 + 4 * values.length);
	bytes.writeInt16BE(values.length, 0);
	values.forEach((value, i) => bytes.writeFloatBE(value, 4 + 4 * i));
	return bytes;
}

test('binary parameters', async () => {
	assert.deepEqual((await rows('SELECT $1::vector AS v', [binary([1.5, -2, 3])]))[0].v, [1.5, -2, 3]);
	assert.deepEqual((await rows('SELECT vector_send($1::vector) AS v', ['[1.5,-2,3]']))[0].v, binary([1.5, -2, 3]));
	for (const damaged of [Buffer.alloc(0), binary([1, 2]).subarray(0, 9), Buffer.concat([binary([1]), Buffer.alloc(1)]), binary([])])
		assert.match(await sqlstate('SELECT $1::vector', [damaged]), /^(22|08)/);
	assert.equal(await sqlstate('SELECT $1::vector', [binary([1, NaN])]), '22000');
});

test('COPY in text and in binary form', async () => {
	await client.query('CREATE TABLE copied (id int, embedding vector(3))');
	await client.query("COPY (SELECT 1, '[1,2,3]'::vector UNION ALL SELECT 2, NULL) TO PROGRAM 'cat > vector_clients.copy'");
	await client.query("COPY copied FROM PROGRAM 'cat vector_clients.copy'");
	await client.query("COPY copied TO PROGRAM 'cat > vector_clients.copy' WITH (FORMAT binary)");
	await client.query("COPY copied FROM PROGRAM 'cat vector_clients.copy; rm vector_clients.copy' WITH (FORMAT binary)");
	assert.deepEqual((await rows('SELECT embedding FROM copied ORDER BY id')).map(row => row.embedding), [[1, 2, 3], [1, 2, 3], null, null]);
});

test('a search through the index, as a prepared statement', async () => {
	await client.query(`CREATE TABLE indexed AS SELECT i AS id, ARRAY[sin(i), cos(i * 1.3), sin(i * 0.7), i % 7]::real[]::vector(4) AS embedding
		FROM generate_series(1, 3000) i`);
	const search = { text: 'SELECT id FROM indexed ORDER BY embedding <-> $1 LIMIT 5', values: [pgvector.toSql([0.1, 0.2, 0.3, 4])] };
	const exact = (await client.query(search)).rows;
	await client.query('CREATE INDEX ON indexed USING faiss (embedding vector_l2_ops)');
	await client.query('SET enable_seqscan = off');
	await client.query('SET pgml.recall = 1');
	const plan = await rows("EXPLAIN SELECT id FROM indexed ORDER BY embedding <-> '[0.1,0.2,0.3,4]' LIMIT 5");
	assert.match(plan.map(row => row['QUERY PLAN']).join('\n'), /Index Scan using indexed_embedding_idx/);
	for (let i = 0; i < 7; i++)
		assert.deepEqual((await client.query({ name: 'through the index', ...search })).rows, exact);
	await client.query('INSERT INTO indexed VALUES (0, $1)', search.values);
	assert.equal((await client.query({ name: 'through the index', ...search })).rows[0].id, 0);
	await client.query('RESET ALL');
});

test('aggregates, arithmetic, DISTINCT and ORDER BY', async () => {
	const [row] = await rows("SELECT avg(embedding) AS mean, sum(embedding) AS total FROM items");
	assert.deepEqual([row.mean, row.total], [[2.5, 3.5, 4.5], [5, 7, 9]]);
	const [made] = await rows("SELECT $1::vector + '[1,1]' AS sum, $1::vector - '[1,1]' AS difference, $1::vector * '[2,3]' AS product, $1::vector || '[9]' AS joined", ['[4,5]']);
	assert.deepEqual(made, { sum: [5, 6], difference: [3, 4], product: [8, 15], joined: [4, 5, 9] });
	assert.equal((await rows('SELECT DISTINCT embedding FROM copied')).length, 2);
	assert.deepEqual((await rows('SELECT embedding FROM items ORDER BY embedding DESC NULLS LAST LIMIT 1'))[0].embedding, [4, 5, 6]);
});

test('the SQLSTATEs that clients look at', async () => {
	for (const [value, code] of [['[1,2', '22P02'], ['', '22P02'], ['[]', '22000'], ['[NaN]', '22000'], ['[Infinity]', '22000'], ['[1e300]', '22003']])
		assert.equal(await sqlstate('SELECT $1::vector', [value]), code, value);
	assert.equal(await sqlstate('SELECT $1::real[]::vector', [[1, null]]), '22004');
	assert.equal(await sqlstate("SELECT '[1]'::vector(0)"), '22023');
	assert.equal(await sqlstate("SELECT '[1]'::vector(16001)"), '22023');
	assert.equal(await sqlstate("SELECT '[1]'::vector <-> '[1,2]'"), '22000');
});

test('bit strings by Hamming and Jaccard distance', async () => {
	await client.query('CREATE TABLE codes (id int, code bit(4))');
	await client.query('INSERT INTO codes VALUES (1, $1), (2, $2)', ['1010', '1111']);
	for (const [operator, nearest] of [['<~>', 1], ['<%>', 2]])
		assert.deepEqual(await rows(`SELECT id FROM codes ORDER BY code ${operator} $1, id LIMIT 1`, ['1011']), [{ id: nearest }]);
});

test('each connection of a pool knows the type', async () => {
	const pool = new pg.Pool({ max: 2 });
	const connections = await Promise.all([pool.connect(), pool.connect()]);
	for (const connection of connections)
		await pgvector.registerTypes(connection);
	const results = await Promise.all(connections.map((connection, i) => connection.query('SELECT $1::vector AS v', [pgvector.toSql([i, 0.5])])));
	assert.deepEqual(results.map(result => result.rows[0].v), [[0, 0.5], [1, 0.5]]);
	connections.forEach(connection => connection.release());
	await pool.end();
});
