-- The last part of the demonstration: search in real word vectors, which run has put into the table words.
\set QUIET on
\pset footer off
\pset linestyle unicode
\pset border 1
\echo :bold
\echo '9. Semantic search: 20,000 English words as vectors (word text, embedding vector(100)), and an index of them.':plain
\set ECHO queries
\timing on
CREATE INDEX words_embedding ON words USING faiss (embedding vector_cosine_ops);
\timing off
SELECT word FROM words ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = 'piano') LIMIT 6;
\set ECHO none
\echo 'What is to Norway as Paris is to France?'
\set ECHO queries
SELECT word FROM words WHERE word NOT IN ('paris', 'france', 'norway')
ORDER BY embedding <=> (SELECT paris.embedding - france.embedding + norway.embedding
  FROM words paris, words france, words norway
  WHERE (paris.word, france.word, norway.word) = ('paris', 'france', 'norway')) LIMIT 3;
\set ECHO none
