/**
 * The floor of the pipeline bench: Express and pg, one INSERT of the body as `jsonb` a request, nothing else.
 * Arguments: port, connection URL.
 */
import express from 'express';
import pg from 'pg';

const [port, url] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: 20 });
await pool.query('CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, body jsonb NOT NULL)');
await pool.query('TRUNCATE bench_floor');

const app = express();
app.use(express.json({ limit: '6mb' }));
app.post('/reviews', async (request, response) => {
  const { rows } = await pool.query<{ id: string }>('INSERT INTO bench_floor (body) VALUES ($1) RETURNING id', [
    request.body,
  ]);
  response.status(202).json({ id: rows[0]?.id });
});
app.listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
