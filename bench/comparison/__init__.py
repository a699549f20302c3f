"""The parts of bench/compare: clusters to measure, rows of work, and the judgement."""
