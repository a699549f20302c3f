"""A kernel of C++ cells, started and driven by Jupyter's own client as notebooks do."""

import base64
import time

from controller_world import PATIENCE, wait_until
from kernel_driver import Cell, ManagedKernel

PNG = base64.b64encode(b"\x89PNG no picture").decode()


class CppKernel(ManagedKernel):
    """What a front end and a person at it can do."""

    WORDS = ("--language=cpp", "--stop-grace=60")

    def results(self, cell):
        return [content["data"]["text/plain"] for kind, content in cell.outputs
                if kind == "execute_result"]

    def displays(self, cell, kind="display_data"):
        return [content for each, content in cell.outputs if each == kind]

    def test_a_cell_prints_and_its_last_expression_is_its_result(self):
        cell = self.run_cell('std::cout << "out\\n"; std::cerr << "err\\n";\nint a = 6;\na * 7')
        self.assertEqual(cell.reply["status"], "ok")
        self.assertEqual(cell.stream("stdout"), "out\n")
        self.assertEqual(cell.stream("stderr"), "err\n")
        self.assertEqual(self.results(cell), ["42"])
        self.assertEqual(cell.types()[:2], ["status", "execute_input"])
        counts = [content["execution_count"] for kind, content in cell.outputs
                  if kind in ("execute_input", "execute_result")]
        self.assertEqual(counts, [cell.reply["execution_count"]] * 2)
        self.assertEqual(self.results(self.run_cell("a")), ["6"])

    def test_a_silent_cell_runs_and_shows_no_value(self):
        before = self.run_cell("1").reply["execution_count"]
        silent = self.run_cell("int hidden = 5;\nhidden", silent=True)
        self.assertEqual([kind for kind in silent.types() if kind != "status"], [])
        after = self.run_cell("hidden")
        self.assertEqual(self.results(after), ["5"])
        self.assertEqual(after.reply["execution_count"], before + 1)

    def test_what_is_not_to_be_remembered_is_not_in_the_history(self):
        self.run_cell('"remembered"')
        self.run_cell('"forgotten"', store_history=False)
        found = self.answer(self.kernel.history(hist_access_type="tail", n=5))["history"]
        self.assertEqual([entry[2] for entry in found], ['"remembered"'])

    def test_failures_are_errors_with_a_name_and_lines(self):
        for code, ename, words in (
                ("int bad = missing;", "CompileError", "undeclared identifier 'missing'"),
                ('throw std::out_of_range("two");', "std::out_of_range", "two"),
                ("int open = (1;", "CompileError", "never closed"),
                ("*static_cast<volatile int*>(nullptr) = 1;", "KernelDied", "SIGSEGV")):
            with self.subTest(code=code):
                cell = self.run_cell(code)
                self.assertEqual((cell.reply["status"], cell.reply["ename"]), ("error", ename))
                self.assertIn(words, cell.reply["evalue"])
                shown = [content for kind, content in cell.outputs if kind == "error"]
                self.assertEqual([each["ename"] for each in shown], [ename])
                self.assertTrue(shown[0]["traceback"])
                self.assertEqual(self.results(self.run_cell("2 + 3")), ["5"])

    def test_user_expressions_are_evaluated_after_the_cell(self):
        cell = self.run_cell("int five = 5;", user_expressions={"x": "five + 1", "y": "nothing"})
        found = cell.reply["user_expressions"]
        self.assertEqual(found["x"]["data"]["text/plain"], "6")
        self.assertEqual(found["y"]["status"], "error")

    def test_displays_come_in_their_own_types_and_can_be_updated_and_cleared(self):
        cell = self.run_cell('trireme::html("<b>bold</b>");\n'
                             'trireme::png("\\x89PNG no picture");\n'
                             'trireme::display("text/markdown", "*hello*");\n'
                             'trireme::clear_output();')
        found = [content["data"] for content in self.displays(cell)]
        self.assertEqual(found[0]["text/html"], "<b>bold</b>")
        self.assertEqual(found[1]["image/png"].strip(), PNG)
        self.assertEqual(found[2]["text/markdown"], "*hello*")
        self.assertEqual(self.displays(cell, "clear_output"), [{"wait": False}])

    def test_a_cell_asks_for_lines(self):
        cell = Cell(self.kernel, 'std::string who = trireme::input("Who? ");\n'
                                 'int age = 0; std::cin >> age;\n'
                                 'who + " " + std::to_string(age)', allow_stdin=True)
        asked = self.kernel.get_stdin_msg(timeout=PATIENCE)
        self.assertEqual(asked["msg_type"], "input_request")
        self.assertEqual(asked["content"], {"prompt": "Who? ", "password": False})
        self.kernel.input("Ada")
        self.assertEqual(self.kernel.get_stdin_msg(timeout=PATIENCE)["content"]["prompt"], "")
        self.kernel.input("36")
        self.assertEqual(cell.finish()["status"], "ok")
        self.assertEqual(self.results(cell), ['"Ada 36"'])

    def test_a_cell_that_waits_for_a_line_can_be_interrupted(self):
        cell = Cell(self.kernel, 'trireme::input("never answered")', allow_stdin=True)
        self.kernel.get_stdin_msg(timeout=PATIENCE)
        self.manager.interrupt_kernel()
        self.assertEqual(cell.finish()["status"], "error")
        self.assertEqual(self.results(self.run_cell("1 + 1")), ["2"])

    def test_nobody_is_asked_who_did_not_allow_it(self):
        cell = self.run_cell('trireme::input("?")', allow_stdin=False)
        self.assertEqual(cell.reply["status"], "error")
        self.assertIn("allow_stdin", cell.reply["evalue"])
        cell = self.run_cell("int n = 7; std::cin >> n; bool read = !std::cin.fail();\nread",
                             allow_stdin=False)
        self.assertEqual(self.results(cell), ["false"])

    def test_names_are_completed_and_explained(self):
        self.run_cell("/// Twice its argument.\nint doubled(int x) { return 2 * x; }\n"
                      "struct Pair { int left, right; } pair;")
        found = self.answer(self.kernel.complete("int y = doub", 12))
        self.assertEqual(found["matches"], ["doubled"])
        self.assertEqual((found["cursor_start"], found["cursor_end"]), (8, 12))
        self.assertEqual(self.answer(self.kernel.complete("pair.", 5))["matches"],
                         ["left", "right"])
        found = self.answer(self.kernel.inspect("doubled(3)", 3))
        self.assertTrue(found["found"])
        self.assertIn("int doubled(int x)", found["data"]["text/plain"])
        self.assertIn("Twice its argument.", found["data"]["text/plain"])
        self.assertFalse(self.answer(self.kernel.inspect("unheard_of", 3))["found"])

    def test_a_front_end_learns_whether_to_ask_for_more_lines(self):
        for code, state in (("1 + 1", "complete"), ("for (;;) {", "incomplete"),
                            ("}", "invalid")):
            with self.subTest(code=code):
                self.assertEqual(self.answer(self.kernel.is_complete(code))["status"], state)

    def test_kernel_info_names_the_language(self):
        info = self.answer(self.kernel.kernel_info())
        self.assertEqual(info["language_info"]["name"], "c++")
        self.assertEqual(info["language_info"]["file_extension"], ".cpp")

    def test_an_endless_loop_is_interrupted_and_the_session_stays(self):
        self.run_cell("int kept = 3;")
        cell = Cell(self.kernel, 'std::cout << "started" << std::endl;\n'
                                 "volatile long n = 0; for (;;) ++n;")
        cell.wait_for("stream")
        begun = time.monotonic()
        self.manager.interrupt_kernel()
        self.assertEqual(cell.finish()["ename"], "KeyboardInterrupt")
        self.assertLess(time.monotonic() - begun, PATIENCE / 2)
        self.assertEqual(self.results(self.run_cell("kept")), ["3"])

    def test_a_restart_ends_what_runs_and_forgets_everything(self):
        self.run_cell("int before = 1;")
        Cell(self.kernel, 'std::cout << "started" << std::endl;\n'
                          "volatile long n = 0; for (;;) ++n;").wait_for("stream")
        self.manager.restart_kernel()
        self.kernel.wait_for_ready(timeout=PATIENCE)
        self.assertEqual(self.run_cell("before").reply["ename"], "CompileError")
        self.assertEqual(self.results(self.run_cell("1 + 1")), ["2"])

    def test_a_kernel_shuts_down_when_asked(self):
        self.run_cell("1")
        self.kernel.shutdown()
        wait_until(lambda: not self.manager.is_alive(), "the kernel has ended")
