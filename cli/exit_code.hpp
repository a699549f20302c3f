// What the exit code of `trireme` says; scripts rely on these numbers (README.md).
#pragma once

namespace trireme::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;     // the work failed, or we did
inline constexpr int kExitUsage = 2;      // a wrong command line
inline constexpr int kExitNoCluster = 3;  // no cluster is running where one is needed

}  // namespace trireme::cli
