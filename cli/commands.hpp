// The subcommands of `trireme`; each adds itself, its options and what it does.
#pragma once

#include "cli/command_line.hpp"

namespace trireme::cli {

void add_start(CommandLine& program);
void add_stop(CommandLine& program);
void add_engines(CommandLine& program);
void add_status(CommandLine& program);
void add_run(CommandLine& program);
void add_map(CommandLine& program);
void add_exec(CommandLine& program);
void add_console(CommandLine& program);
void add_kernelspec(CommandLine& program);
void add_history(CommandLine& program);
void add_result(CommandLine& program);

}  // namespace trireme::cli
