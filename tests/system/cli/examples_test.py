"""The examples do what the README says they do."""

import hashlib
import os
import subprocess

from cluster_world import BIN, LIB, PATIENCE, World


class Examples(World):
    def run_example(self, *words):
        done = subprocess.run([os.path.join(BIN, words[0]), *words[1:]], env=self.environment,
                              capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def plug_in(self, name):
        return os.path.join(LIB, f"lib{name}.so")

    def test_the_readme_example_prints_norms(self):
        self.start(2, "--load", self.plug_in("norm_plugin"))
        self.assertEqual(self.run_example("norm_example"), "5\n1\n5\n7\n")

    def test_the_demo_reads_a_folder_and_agrees_with_sha256sum(self):
        folder = os.path.join(self.folder, "texts")
        os.makedirs(os.path.join(folder, "sub"))
        texts = {"a.txt": "one two two\n", "sub/b c.txt": "Two\nlines\n" * 500, "empty": "",
                 "it's": "\xe9 quoted", "sub/last": "no line break"}
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        os.symlink("a.txt", os.path.join(folder, "link"))
        self.start(2, "--load", self.plug_in("text_plugin"))
        said = self.run_example("text_demo", folder)
        self.assertIn("5 files in", said)
        self.assertIn("sha256sum agrees on all 5 digests.", said)
        digest = hashlib.sha256(("Two\nlines\n" * 500).encode()).hexdigest()
        self.assertRegex(said, rf"sub/b c.txt +5000 +1000 +1000  {digest[:12]}  lines, two")
        self.assertIn("two 502", said)
        self.assertIn("by 2 engines", said)
