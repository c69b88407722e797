"""The register of all command lines of the pages: by which test each runs, or why it cannot run here.

A test (tests/python/docs/test_every_command.py) holds it against the pages: a line that is in none of these lists, or
in two, or a test that is gone, is a fault. A key is the page and the beginning of the line, or words that it holds.
"""

from typing import NamedTuple


class Line(NamedTuple):
    """A `nextflow run` line, run as a stub by tests/pipeline/test_pages.py: words that it alone of its page holds, the
    samplesheet that stands in for its own, and a task that must have run. `always` is in `make test`, the others in
    `make test-scale`.
    """

    page: str
    holding: str
    sheet: str
    task: str
    always: bool = False

    def of(self, words: list[str]) -> bool:
        """Whether a command of the page is this line."""
        said = " ".join(words)
        ends = self.holding.endswith("$")  # as in a regular expression
        return words[0] == "nextflow" and (
            said.endswith(self.holding.rstrip("$")) or f"{self.holding} " in said * (not ends)
        )


TRAIN, PREDICT = "TRAIN (crexpress-small)", "PREDICT (MINE)"
NEXTFLOW = (
    Line("README.md", "--samplesheet cells.csv", "two.csv", TRAIN, always=True),
    Line("README.md", "--samplesheet mine.csv", "new.csv", PREDICT, always=True),
    Line("docs/cells.md", "HOCOMOCOv11_full_HUMAN_mono_meme_format.meme", "four.csv", "SCORE_MOTIFS"),
    Line("docs/cells.md", "assets/sweeps/tracks.yml", "four.csv", "COMPARE"),
    Line("docs/cells.md", "--samplesheet mine.csv", "new.csv", PREDICT),
    Line("docs/howto.md", "--tracks atac", "atac.csv", TRAIN),
    Line("docs/howto.md", "--samplesheet mouse.csv", "new.csv", PREDICT),
    Line("docs/howto.md", "new.csv --model pretrained", "new.csv", PREDICT),
    Line("docs/howto.md", "new.csv --model results/model", "new.csv", PREDICT),
    Line("docs/howto.md", "-profile slurm,apptainer", "four.csv", TRAIN),
    Line("docs/howto.md", "-profile gpu", "four.csv", "TRAIN (scpge)"),
    Line("docs/results-tables.md", "assets/sweeps/scpge.yml", "", "COMPARE"),
    Line("docs/tutorial-cells.md", "--samplesheet cells.csv", "two.csv", TRAIN),
    Line("docs/usage.md", "-profile docker", "four.csv", TRAIN),
    Line("docs/usage.md", "-profile apptainer,gpu", "four.csv", TRAIN),
    Line("docs/usage.md", "... -profile gpu$", "four.csv", TRAIN),
    Line("docs/usage.md", "... -profile gpu,apptainer", "four.csv", TRAIN),
    Line("docs/usage.md", "--local_tools", "four.csv", TRAIN),
    Line("docs/usage.md", "--preset diagonal.json", "four.csv", "TRAIN (diagonal)"),
    Line("docs/usage.md", "-profile slurm,apptainer,gpu", "four.csv", TRAIN),
)
_LINES = "tests/python/docs/test_lines_of_pages.py"
_PAGES, _BY_HAND = "tests/python/docs/test_commands.py", "test_a_new_cell_by_hand_as_the_page_says"
RUN = {  # (page, beginning): test
    ("docs/tools.md", ""): "tests/python/pipeline/test_tools_page.py::test_the_tool_by_tool_section_runs",
    **{("docs/cells.md", tool): f"{_PAGES}::{_BY_HAND}"
       for tool in ("merge-ccres", "extract-signals", "predict", "interpret", "score-links", "match-quantiles")},
    **{("docs/howto.md", tool): f"{_PAGES}::test_the_small_commands_of_the_pages_run"
       for tool in ("evaluate --study", "export-links")},
    **{("docs/usage.md", tool): f"{_PAGES}::test_the_small_commands_of_the_pages_run"
       for tool in ("evaluate --predictions", "evaluate --published abc", "evaluate --published table:enformer.tsv",
                    "evaluate --study results --published table:enformer/")},
    ("docs/howto.md", "ensemble"): f"{_LINES}::test_a_mean_with_trees_and_edits_as_the_page_says",
    ("docs/howto.md", "score-variants"): f"{_LINES}::test_a_mean_with_trees_and_edits_as_the_page_says",
    ("docs/usage.md", "sed"): f"{_LINES}::test_a_preset_of_ones_own_as_the_page_says",
    ("docs/usage.md", "train ... --preset"): f"{_LINES}::test_a_preset_of_ones_own_as_the_page_says",
    ("docs/usage.md", "score-enformer"): f"{_LINES}::test_enformer_as_the_page_says",
    **{("docs/results-interpretation.md", tool): f"{_LINES}::test_what_is_read_out_of_a_model_as_the_page_says"
       for tool in ("interpret", "classify-genes", "find-active", "embed")},
    ("docs/tutorial-cells.md", "check-samplesheet"):
        f"{_PAGES}::test_the_samplesheets_of_readme_and_tutorial_are_sound",
    ("docs/tutorial-cells.md", "plot-locus"): f"{_PAGES}::test_the_report_of_a_study_draws_the_genes_asked_for",
    **{("docs/reliability.md", f"python tests/robust/{name}"): f"tests/robust/{test}"
       for name, test in {"fuzz": "test_fuzz.py::test_damaged_files_are_read_or_refused_in_a_sentence",
                          "kills": "test_kills.py::test_a_killed_tool_leaves_nothing_half_written",
                          "faults": "test_robust_faults.py::test_a_failing_machine_is_one_sentence"}.items()},
    ("docs/usage.md", "torchrun"): "tests/python/training/test_training_checkpoint.py::"
    "test_two_processes_write_one_model_and_the_same_when_one_was_killed",
}  # fmt: skip
# (page or "", beginning): why no test runs it; options of ours are held against schema and parsers all the same
NOT_HERE = {
    ("", "git clone"): "the repository has no public address; tests/pipeline/test_checkout.py launches a checkout",
    ("", "make setup"): "what tests run in is made by it",
    ("", "make demo"): "minutes, by hand; its profile runs as a stub in tests/scale",
    ("", "make test"): "runs the tests themselves",
    ("", "make lint-nf-core"): "by hand: its linter is an environment of its own",
    ("", "make docs"): "by hand: the site's program is an environment of its own",
    ("", "make images"): "needs docker or podman; make test-containers",
    ("docs/usage.md", "containers/build"): "needs docker or podman; make test-containers",
    ("docs/usage.md", "apptainer build"): "needs Apptainer, which is on no machine of ours",
    ("docs/usage.md", "aws"): "needs an account of AWS",
    ("docs/usage.md", "docker"): "needs an account of AWS",
    ("docs/usage.md", "podman"): "needs an account of AWS",
    ("docs/usage.md", "python -m venv enformer"): "fetches packages; `make test` does the same into .venv/enformer",
    ("docs/usage.md", "nextflow run . -profile awsbatch"): "needs an account of AWS; what each task asks for is read "
    "from a stub run with Batch's settings in tests/scale/test_profiles.py",
    ("docs/usage.md", "nextflow run . -profile INSTITUTION"): "fetches nf-core/configs; tests/pipeline/test_faults.py "
    "has a folder of profiles laid out like that",
    ("docs/reliability.md", "python tests/robust/kill_pipeline.py"): "an hour, by hand; tests/pipeline kills runs",
    ("docs/results-interpretation.md", "python tests/benchmarks"): "hours: it makes the figures of the page",
    ("docs/results-tables.md", "python tests/benchmarks"): "hours: it makes the figures of the page",
}  # fmt: skip
