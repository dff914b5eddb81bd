"""Shows what the quality of a face is worth: error against reject, by the whole, by each part, and without each.

    python -m bench.quality [--detector mmod]

Faces of the corpus beside the repository, as they are and spoiled (`bench.damage`). Weights of the parts are fitted to
half of the people of Labelled Faces in the Wild, spoiled in six ways, and to two collections; they are judged by the
other half, spoiled in six other ways, and by four other collections. Then: how often faces of each quality are named,
alone and as a template of five, and what weights do to templates. The first run looks for some 8,300 faces, which takes
minutes; later ones, a minute. The numbers stand in docs/decisions, 18; `bench/out/quality.json` and `.png` get them,
too.
"""

from bench import threads

# Before any library that would start threads of its own is loaded.
threads.limit()

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench import damage, rejecting
from bench.probes import PLAIN, REAL, REFERENCE, SEVERAL, STRANGER, Faces, faces
from bench.rejecting import Compared, Searches, Weights
from config.face_settings import DetectorName, FaceSettings, MatchSettings
from models.faces import PARTS, WEIGHTS
from models.templates import template

OUT = Path(__file__).resolve().parent / "out"

REJECTED = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
_ALL_REJECTED = tuple(share / 100 for share in range(51))
BANDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BESIDE = (0.48, 0.55, 0.6, 0.65, 0.7)
EARLIER = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
"""Until decision 18: the mean of sharpness, size and pose."""

_FITTED_TO = ("pubfig200", "bollywood")
_MOST_PAIRS = 5000
_TOGETHER, _DRAWS = 5, 1500
_FACES = (2, 3, 5, 8)
_FPIR = 0.01


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", choices=get_args(DetectorName), default="mmod")
    given = parser.parse_args()
    found = faces(given.detector)
    searches = Searches.of(found)
    limit = searches.limit(found.kinds[searches.probes] == PLAIN)
    learnt = [searches.compared(found, "LFW, one half", limit, list(damage.FITTED), 0)]
    learnt += [rejecting.all_pairs(found, name, limit, _MOST_PAIRS) for name in _FITTED_TO]
    judged = [searches.compared(found, "LFW, other half, other damage", limit, list(damage.UNSEEN), 1)]
    judged += [rejecting.all_pairs(found, name, limit, _MOST_PAIRS) for name in REAL if name not in _FITTED_TO]
    weights, constants = rejecting.fit(learnt)
    means = _means(weights)
    measured = {
        "limit": limit,
        "missed": dict(_missed(found)),
        "fitted": dict(zip(PARTS, (weights / weights.sum()).tolist(), strict=True)),
        "steepness": float(weights.sum()),
        "odds_to_fail_at_1": np.exp(constants).tolist(),
        "curves": {one.name: _curves(one, means, REJECTED) for one in (*learnt, *judged)},
        "left": {one.name: _left(one, means) for one in (*learnt, *judged)},
        "judged": [one.name for one in judged],
        "bands": _bands(found, searches, limit),
        "together": _together(found),
        "weighed": _weighed(found),
        "beside": _beside(found, searches),
    }
    print(f"{given.detector}: {len(found.sets)} pictures, FMR {rejecting.FMR:.1%} at a distance of {limit:.3f}")
    for line in _lines(measured):
        print(line)
    OUT.mkdir(exist_ok=True)
    name = "quality" if given.detector == "mmod" else f"quality-{given.detector}"
    (OUT / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")
    _plot(measured["curves"], [one.name for one in judged], OUT / f"{name}.png")


def _missed(found: Faces) -> Iterator[tuple[str, float]]:
    """The share of pictures of each kind in which no face was found."""
    for kind in np.unique(found.kinds).tolist():
        yield kind, float(1 - found.found[found.kinds == kind].mean())


def _means(fitted: Weights) -> Mapping[str, Weights]:
    """The ways to make one number of the parts that are compared."""
    single = np.eye(len(PARTS))
    found = {"overall": WEIGHTS, "earlier": EARLIER, "fitted": fitted}
    for number, part in enumerate(PARTS):
        if WEIGHTS[number]:
            found[f"without {part}"] = WEIGHTS * (1 - single[number])
        else:
            found[f"with {part}"] = WEIGHTS + WEIGHTS.max() * single[number]
    return found | {f"{part} alone": single[number] for number, part in enumerate(PARTS)}


def _curves(compared: Compared, means: Mapping[str, Weights], shares: Sequence[float]) -> dict[str, list[float]]:
    return {
        name: rejecting.kept(compared, rejecting.mean(compared.parts, weights), shares)
        for name, weights in means.items()
    }


def _left(compared: Compared, means: Mapping[str, Weights]) -> dict[str, float]:
    """The mean FNMR from nothing to half rejected, as a share of the FNMR of all: by chance it would be 1."""
    return {name: float(np.mean(rates) / rates[0]) for name, rates in _curves(compared, means, _ALL_REJECTED).items()}


def _bands(found: Faces, searches: Searches, limit: float) -> list[dict[str, float]]:
    """By quality of the probe: comparisons that fail; searches for enrolled people, and for strangers, by distance.

    The searches' limit lets 1 % of plain strangers through.
    """
    strangers = found.rows(STRANGER)
    nearest = rejecting.distances(found.embeddings[strangers], found.embeddings[searches.references]).min(axis=1)
    named_below = float(np.quantile(nearest[found.kinds[strangers] == PLAIN], _FPIR))
    right = (searches.distances.argmin(axis=1) == searches.own) & (searches.mated < named_below)
    wrong = (searches.distances.min(axis=1) < named_below) & ~right
    mated = rejecting.mean(found.parts[searches.probes], WEIGHTS)
    others = rejecting.mean(found.parts[strangers], WEIGHTS)
    return [
        {
            "from": least,
            "probes": int(within.sum()),
            "fail": float((searches.mated[within] > limit).mean()),
            "named": float(right[within].mean()),
            "wrongly": float(wrong[within].mean()),
            "strangers": int(outside.sum()),
            "strangers_named": float((nearest[outside] < named_below).mean()),
        }
        for least, within, outside in ((least, inside(mated), inside(others)) for least, inside in _each_band())
        if within.any() and outside.any()
    ]


def _each_band() -> Iterator[tuple[float, Callable[[NDArray[np.float64]], NDArray[np.bool_]]]]:
    for least, end in zip(BANDS, (*BANDS[1:-1], np.inf), strict=False):
        yield least, lambda quality, least=least, end=end: (quality >= least) & (quality < end)  # type: ignore[misc]


def _together(found: Faces) -> list[dict[str, float]]:
    """Templates of five faces of one person in each band of quality.

    How often they lie within the distance that names without a calibration: of another photograph of the person, and of
    somebody among the references of Labelled Faces in the Wild.
    """
    generator = np.random.default_rng(0)
    rows, plain = found.rows(SEVERAL), found.rows("pubfig83")
    quality = rejecting.mean(found.parts, WEIGHTS)
    others = found.embeddings[found.rows(REFERENCE)]
    within = MatchSettings().largest_distance
    table = []
    for least, inside in _each_band():
        own, nearest = [], []
        for _ in range(_DRAWS):
            person = generator.choice(np.unique(found.people[rows]))
            pool = rows[(found.people[rows] == person) & inside(quality[rows])]
            if len(pool) < _TOGETHER:
                continue
            chosen = generator.choice(pool, _TOGETHER, replace=False)
            joint = template(found.embeddings[chosen], quality[chosen])
            apart = plain[(found.people[plain] == person) & ~np.isin(found.photographs[plain], found.photographs[rows])]
            own.append(float(np.linalg.norm(found.embeddings[generator.choice(apart)] - joint)))
            nearest.append(float(np.linalg.norm(others - joint, axis=1).min()))
        if own:
            shares = (float(np.mean(np.array(one) <= within)) for one in (own, nearest))
            table.append({"from": least, "templates": len(own), **dict(zip(("own", "strangers"), shares, strict=True))})
    return table


def _weighed(found: Faces) -> list[dict[str, float]]:
    """Templates of some photographs of one person, half of them spoiled, by different weights of the faces.

    The share that fails to match another photograph, where one in a thousand references of other people matches.
    """
    generator = np.random.default_rng(0)
    rows, plain, others = found.rows(SEVERAL), found.rows("pubfig83"), found.embeddings[found.rows(REFERENCE)]
    whole, before = (rejecting.mean(found.parts, weights) for weights in (WEIGHTS, EARLIER))
    recognisable = np.where(whole >= FaceSettings().least_quality, whole, 0)
    ways = {"all alike": np.ones(len(whole)), "earlier": before, "overall": whole, "recognisable only": recognisable}
    table = []
    for count in _FACES:
        own: dict[str, list[float]] = {way: [] for way in ways}
        nearest: dict[str, list[NDArray[np.float64]]] = {way: [] for way in ways}
        for _ in range(_DRAWS):
            chosen, probe = _draw(found, generator, rows, plain, count)
            for way, weights in ways.items():
                joint = template(found.embeddings[chosen], weights[chosen])
                own[way].append(float(np.linalg.norm(found.embeddings[probe] - joint)))
                nearest[way].append(np.linalg.norm(others - joint, axis=1))
        limits = {way: np.quantile(np.concatenate(apart), rejecting.FMR) for way, apart in nearest.items()}
        fails = {way: float((np.array(apart) > limits[way]).mean()) for way, apart in own.items()}
        table.append({"faces": count, **fails})
    return table


def _draw(
    found: Faces, generator: np.random.Generator, rows: NDArray[np.int64], plain: NDArray[np.int64], count: int
) -> tuple[list[int], int]:
    """Faces of so many photographs of one person, each spoiled or not, and another photograph."""
    person = generator.choice(np.unique(found.people[rows]))
    own = rows[found.people[rows] == person]
    chosen = []
    for photograph in generator.choice(np.unique(found.photographs[own]), count, replace=False):
        same = own[found.photographs[own] == photograph]
        spoiled = found.kinds[same] != PLAIN
        kind = spoiled if spoiled.any() and generator.random() < 1 / 2 else ~spoiled
        chosen.append(int(generator.choice(same[kind])))
    apart = plain[(found.people[plain] == person) & ~np.isin(found.photographs[plain], found.photographs[rows])]
    return chosen, int(generator.choice(apart))


def _beside(found: Faces, searches: Searches) -> list[dict[str, float]]:
    """Of faces that are not recognisable: how many lie within a distance of the same photograph as it was, as a face
    does of the one before it in a video; and of somebody else's.
    """  # noqa: D205  a comparison of two has no shorter summary
    least = FaceSettings().least_quality
    plain = {found.photographs[row]: row for row in searches.probes.tolist() if found.kinds[row] == PLAIN}
    poor = [
        row
        for row in searches.probes[rejecting.mean(found.parts[searches.probes], WEIGHTS) < least].tolist()
        if found.photographs[row] in plain
    ]
    same = np.array([plain[found.photographs[row]] for row in poor])
    others = np.random.default_rng(0).permutation(np.array(list(plain.values())))[: len(poor)]
    apart = [np.linalg.norm(found.embeddings[poor] - found.embeddings[rows], axis=1) for rows in (same, others)]
    return [
        {"within": limit, "faces": len(poor), "same": float((apart[0] <= limit).mean()),
         "another": float((apart[1] <= limit).mean())}
        for limit in BESIDE
    ]  # fmt: skip


def _lines(measured: Mapping[str, Any]) -> Iterator[str]:
    yield "no face found: " + ", ".join(f"{kind} {share:.0%}" for kind, share in measured["missed"].items())
    fitted = ", ".join(f"{part} {weight:.2f}" for part, weight in measured["fitted"].items())
    yield f"fitted: {fitted}; odds to fail grow with quality to the power of -{measured['steepness']:.1f}"
    judged = [measured["left"][name] for name in measured["judged"]]
    yield "\nerrors left, of all when nothing is rejected (mean of 0 to 50 % rejected); each judging set, their mean"
    for mean in judged[0]:
        left = [one[mean] for one in judged]
        yield f"  {mean:20}" + "".join(f"{share:8.3f}" for share in left) + f"   {np.mean(left):8.3f}"
    for name, curves in measured["curves"].items():
        yield f"\n{name}: FNMR when " + ", ".join(f"{share:.0%}" for share in REJECTED) + " are rejected"
        for mean, rates in curves.items():
            yield f"  {mean:20}" + "".join(f"{rate:8.1%}" for rate in rates)
    yield "\nquality  probes  fail  named  wrongly  strangers named"
    for row in measured["bands"]:
        yield (
            f"  {row['from']:.1f}  {row['probes']:6}  {row['fail']:5.1%}  {row['named']:5.1%}  {row['wrongly']:5.1%}  "
            f"{row['strangers']:6} {row['strangers_named']:5.1%}"
        )
    yield f"\ntemplates of {_TOGETHER}: within {MatchSettings().largest_distance} of the person, of a stranger"
    for row in measured["together"]:
        told = f"{row['templates']:6}  {row['own']:5.1%}  {row['strangers']:5.1%}"
        yield f"  {row['from']:.1f}  {told}"
    yield "\ntemplates, half of their faces spoiled: FNMR by the faces' weights"
    for row in measured["weighed"]:
        told = "".join(f"   {way} {share:.1%}" for way, share in row.items() if way != "faces")
        yield f"  {row['faces']} faces{told}"
    yield "\nnot recognisable: within a distance of the same face before it was spoiled, of another"
    for row in measured["beside"]:
        yield f"  {row['within']:.2f}  {row['faces']:6}  {row['same']:5.1%}  {row['another']:5.1%}"


def _plot(curves: Mapping[str, Mapping[str, Sequence[float]]], names: Sequence[str], path: Path) -> None:
    mpl.use("Agg")
    figure = Figure(figsize=(4 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for mean, rates in curves[name].items():
            if mean.endswith(" alone"):
                continue
            style = {"overall": ("#0b6e66", 2.5), "earlier": ("#333333", 1.5)}.get(mean, (None, 1.0))
            axes.plot(REJECTED, rates, label=mean, color=style[0], linewidth=style[1])
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("share rejected")
        axes.set_ylim(bottom=0)
    figure.axes[0].set_ylabel(f"FNMR at FMR {rejecting.FMR:.1%}")
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
