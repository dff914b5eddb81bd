"""Seconds between two points in time, reckoned by the database: what is added up there need not be fetched."""

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Elapsed(FunctionElement[float]):
    """`Elapsed(start, end)`: seconds from one point in time to another; none where one of them is none."""

    type = Float()
    name = "elapsed"
    inherit_cache = True


@compiles(Elapsed, "sqlite")
def _in_sqlite(element: Elapsed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


@compiles(Elapsed, "postgresql")
def _in_postgresql(element: Elapsed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  as above
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end}) - ({start})) AS DOUBLE PRECISION)"
