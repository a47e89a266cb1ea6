# bunny: confirms, returns, consumes, rejects, errors, and recovery after the server was restarted.
require "bunny"
require "timeout"

def check(ok, what)
  raise what unless ok
end

# The test restarts the server when it reads this line, and answers when that is done.
def restart
  puts "restart"
  $stdout.flush
  check $stdin.gets, "the server was not restarted"
end

def confirms_and_work(connection)
  ch = connection.create_channel
  ch.confirm_select
  q = ch.queue("bunny.work", durable: true)
  100.times { |i| ch.default_exchange.publish("job #{i}", routing_key: q.name, persistent: true, headers: { "n" => i }) }
  check ch.wait_for_confirms, "not all publications were confirmed"
  ch.prefetch(10)
  done = Queue.new
  rejected = false
  consumer = q.subscribe(manual_ack: true) do |info, properties, body|
    if properties.headers["n"] == 50 && !rejected
      rejected = true
      ch.reject(info.delivery_tag, true)
    else
      check info.redelivered?, "what was rejected comes without its mark" if properties.headers["n"] == 50
      ch.ack(info.delivery_tag)
      done << body
    end
  end
  bodies = Array.new(100) { done.pop }
  check bodies.uniq.size == 100, "a message came twice or never"
  consumer.cancel
  check q.message_count.zero?, "the queue is not empty"
  ch.close
end

def returns(connection)
  ch = connection.create_channel
  x = ch.topic("bunny.topic", auto_delete: true)
  returned = Queue.new
  x.on_return { |info, _, body| returned << [info.reply_code, body] }
  x.publish("nobody", routing_key: "a.b", mandatory: true)
  check returned.pop == [312, "nobody"], "the return"
  q = ch.queue("", exclusive: true).bind(x, routing_key: "a.#")
  x.publish("somebody", routing_key: "a.b")
  body = nil
  _, _, body = q.pop until body
  check body == "somebody", "the topic"
  ch.close
end

def errors(connection)
  ch = connection.create_channel
  begin
    ch.queue("bunny.missing", passive: true)
    raise "a missing queue was found"
  rescue Bunny::NotFound => e
    check e.message.include?("no queue 'bunny.missing' in vhost '/'"), e.message
  end
  ch = connection.create_channel
  begin
    ch.queue("bunny.work", durable: false)
    raise "a queue that differs was granted"
  rescue Bunny::PreconditionFailed
    nil
  end
end

def recovery(connection)
  ch = connection.create_channel
  ch.confirm_select
  q = ch.queue("bunny.kept", durable: true)
  temporary = ch.queue("", exclusive: true).bind("amq.fanout")
  got = Queue.new
  temporary.subscribe { |_, _, body| got << body }
  ch.default_exchange.publish("kept", routing_key: q.name, persistent: true)
  check ch.wait_for_confirms, "not confirmed"
  restart
  sleep 0.1 until connection.open? && ch.open?
  _, _, body = q.pop
  check body == "kept", "what was confirmed is gone: #{body.inspect}"
  publisher = connection.create_channel
  until got.size.positive? # the consumer and its binding come back by themselves
    publisher.fanout("amq.fanout", durable: true).publish("again")
    sleep 0.1
  end
end

Timeout.timeout(120) do
  connection = Bunny.new(ENV["AMQP_URL"], network_recovery_interval: 0.3, recover_from_connection_close: true,
                         logger: Logger.new(IO::NULL))
  connection.start
  confirms_and_work(connection)
  returns(connection)
  errors(connection)
  recovery(connection)
  connection.close
end
puts "bunny ok"
