// gearman-load: null tasks through gearmand, for comparison: workers that answer at once and one
// client, each with a connection and a thread of its own. Prints what it reached as JSON.
//
//   gearman-load --port PORT [--tasks 20000] [--workers 4] [--window 2000] [--request-bytes 256]
#include <libgearman/gearman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

constexpr const char* kHost = "127.0.0.1";
constexpr const char* kFunction = "null";
constexpr int kLookMs = 100;  // how soon a worker without work sees that all is over
constexpr std::size_t kReplyBytes = 32;

struct Options {
  std::uint16_t port = 4730;
  std::size_t tasks = 20000;
  std::size_t workers = 4;
  std::size_t window = 2000;  // where it is fastest: windows do not overlap
  std::size_t request_bytes = 256;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "gearman-load: %s\n", what.c_str());
  std::exit(1);
}

void* answer(gearman_job_st* /*job*/, void* /*context*/, std::size_t* size,
             gearman_return_t* result) {
  *size = kReplyBytes;
  *result = GEARMAN_SUCCESS;
  return std::calloc(1, kReplyBytes);  // the library frees it
}

void work(const Options& options, const std::atomic<bool>& is_over, std::atomic<int>& ready) {
  gearman_worker_st* worker = gearman_worker_create(nullptr);
  gearman_worker_set_timeout(worker, kLookMs);
  if (gearman_worker_add_server(worker, kHost, options.port) != GEARMAN_SUCCESS ||
      gearman_worker_add_function(worker, kFunction, 0, answer, nullptr) != GEARMAN_SUCCESS) {
    give_up(std::string("a worker cannot connect: ") + gearman_worker_error(worker));
  }
  gearman_worker_work(worker);  // makes it known
  ++ready;
  while (!is_over) gearman_worker_work(worker);
  gearman_worker_free(worker);
}

/// One client that sends `window` tasks and waits for all of them.
class Requester {
 public:
  explicit Requester(const Options& options)
      : options_(options),
        client_(gearman_client_create(nullptr)),
        data_(options.request_bytes, 'x') {
    if (gearman_client_add_server(client_, kHost, options.port) != GEARMAN_SUCCESS) {
      give_up("the client cannot connect");
    }
    gearman_client_set_complete_fn(client_, &Requester::on_complete);
    gearman_client_add_options(client_, GEARMAN_CLIENT_FREE_TASKS);
  }
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;
  ~Requester() { gearman_client_free(client_); }

  /// All tasks, a window at a time; how many came back.
  std::size_t run(std::size_t tasks) {
    done_ = 0;
    for (std::size_t sent = 0; sent < tasks;) {
      const std::size_t end = std::min(tasks, sent + options_.window);
      for (; sent < end; ++sent) add();
      if (gearman_client_run_tasks(client_) != GEARMAN_SUCCESS) {
        give_up(std::string("tasks fail: ") + gearman_client_error(client_));
      }
    }
    return done_;
  }

 private:
  static gearman_return_t on_complete(gearman_task_st* task) {
    ++static_cast<Requester*>(gearman_task_context(task))->done_;
    return GEARMAN_SUCCESS;
  }
  void add() {
    gearman_return_t result = GEARMAN_SUCCESS;
    gearman_client_add_task(client_, nullptr, this, kFunction, nullptr, data_.data(), data_.size(),
                            &result);
    if (result != GEARMAN_SUCCESS) give_up("a task cannot be added");
  }

  const Options& options_;
  gearman_client_st* client_;
  std::string data_;
  std::size_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Null tasks through gearmand.");
  app.add_option("--port", options.port, "gearmand's port")->required();
  app.add_option("--tasks", options.tasks, "tasks to measure")->capture_default_str();
  app.add_option("--workers", options.workers, "workers")->capture_default_str();
  app.add_option("--window", options.window, "tasks outstanding at once")->capture_default_str();
  app.add_option("--request-bytes", options.request_bytes, "size of a task")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::atomic<bool> is_over = false;
  std::atomic<int> ready = 0;
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < options.workers; ++i) {
    workers.emplace_back([&] { work(options, is_over, ready); });
  }
  while (ready < static_cast<int>(options.workers)) std::this_thread::yield();
  Requester client(options);
  client.run(options.window);
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t done = client.run(options.tasks);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  is_over = true;
  for (std::thread& worker : workers) worker.join();
  std::printf(R"({"tasks": %zu, "lost": %zu, "errors": 0, "seconds": %.6f, "tasks_per_s": %.1f})"
              "\n",
              done, options.tasks - done, seconds.count(),
              static_cast<double>(done) / seconds.count());
  return done == options.tasks ? 0 : 1;
}
