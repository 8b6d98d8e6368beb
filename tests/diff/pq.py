"""A PostgreSQL session through libpq, by ctypes: results, SQLSTATEs and notices, without a driver package."""
import ctypes

_pq = ctypes.CDLL("libpq.so.5")
_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for _name, _result, _arguments in (
    ("PQconnectdb", _P, [_S]), ("PQstatus", _I, [_P]), ("PQerrorMessage", _S, [_P]), ("PQfinish", None, [_P]),
    ("PQsendQuery", _I, [_P, _S]), ("PQgetResult", _P, [_P]), ("PQclear", None, [_P]), ("PQresultStatus", _I, [_P]),
    ("PQresultErrorField", _S, [_P, _I]), ("PQntuples", _I, [_P]), ("PQnfields", _I, [_P]), ("PQgetvalue", _S, [_P, _I, _I]),
    ("PQgetisnull", _I, [_P, _I, _I]), ("PQcmdStatus", _S, [_P]), ("PQfname", _S, [_P, _I]),
    ("PQsendQueryParams", _I, [_P, _S, _I, _P, ctypes.POINTER(_S), _P, _P, _I]),
    ("PQsendPrepare", _I, [_P, _S, _S, _I, _P]),
    ("PQsendQueryPrepared", _I, [_P, _S, _I, ctypes.POINTER(_S), _P, _P, _I]),
):
    _function = getattr(_pq, _name)
    _function.restype, _function.argtypes = _result, _arguments
_RECEIVER = ctypes.CFUNCTYPE(None, _P, _P)
_pq.PQsetNoticeReceiver.argtypes = [_P, _RECEIVER, _P]
_COMMAND_OK, _TUPLES_OK, _EMPTY = 1, 2, 0


class ConnectionLost(Exception):
    """The session is gone: a crash of the server, never an expected outcome."""


class Result:
    """Outcome of one statement: rows of texts (None = NULL), or an error with its SQLSTATE."""

    def __init__(self, rows=(), columns=(), tag="", sqlstate=None, message=""):
        self.rows, self.columns, self.tag = list(rows), columns, tag
        self.sqlstate, self.message = sqlstate, message


class Session:
    def __init__(self, database, settings=()):
        self.notices = []
        self._connection = _pq.PQconnectdb(f"dbname={database} client_encoding=UTF8 application_name=diff".encode())
        if _pq.PQstatus(self._connection) != 0:
            raise ConnectionLost(_pq.PQerrorMessage(self._connection).decode())
        self._receiver = _RECEIVER(self._on_notice)
        _pq.PQsetNoticeReceiver(self._connection, self._receiver, None)
        self.must("; ".join(["SET client_min_messages = notice", *settings]))

    def close(self):
        if self._connection:
            _pq.PQfinish(self._connection)
            self._connection = None

    def query(self, sql):
        """Runs statements by the simple protocol; the outcome of the last one, or of the first that fails."""
        return self._collect(_pq.PQsendQuery(self._connection, sql.encode()))

    def execute(self, sql, values):
        """Runs one statement with parameters through the extended protocol."""
        return self._collect(_pq.PQsendQueryParams(self._connection, sql.encode(), len(values), None, _texts(values), None, None, 0))

    def prepare(self, name, sql):
        return self._collect(_pq.PQsendPrepare(self._connection, name.encode(), sql.encode(), 0, None))

    def execute_prepared(self, name, values):
        return self._collect(_pq.PQsendQueryPrepared(self._connection, name.encode(), len(values), _texts(values), None, None, 0))

    def must(self, sql):
        result = self.query(sql)
        if result.sqlstate:
            raise RuntimeError(f"{result.sqlstate} {result.message}\n  in: {sql}")
        return result

    def _on_notice(self, _, result):
        text = _pq.PQresultErrorField(result, ord("M"))
        self.notices.append(text.decode() if text else "")

    def _collect(self, sent):
        outcome = None
        while sent and (result := _pq.PQgetResult(self._connection)):
            if outcome is None or outcome.sqlstate is None:
                outcome = self._read(result)
            _pq.PQclear(result)
        if outcome is None or _pq.PQstatus(self._connection) != 0:
            raise ConnectionLost(_pq.PQerrorMessage(self._connection).decode().strip())
        return outcome

    def _read(self, result):
        status = _pq.PQresultStatus(result)
        if status == _TUPLES_OK:
            width = range(_pq.PQnfields(result))
            return Result(
                [tuple(None if _pq.PQgetisnull(result, row, column) else _pq.PQgetvalue(result, row, column).decode()
                       for column in width) for row in range(_pq.PQntuples(result))],
                tuple(_pq.PQfname(result, column).decode() for column in width), _pq.PQcmdStatus(result).decode())
        if status in (_COMMAND_OK, _EMPTY):
            return Result(tag=_pq.PQcmdStatus(result).decode())
        state, text = _pq.PQresultErrorField(result, ord("C")), _pq.PQresultErrorField(result, ord("M"))
        if not state:
            raise ConnectionLost(_pq.PQerrorMessage(self._connection).decode().strip())
        return Result(sqlstate=state.decode(), message=text.decode())


def _texts(values):
    return (_S * len(values))(*(None if value is None else str(value).encode() for value in values))
