//! MQTT: `mqtt HOST:PORT`. One client subscribes, another one publishes.

use examples::{Failure, end};
use std::process::ExitCode;

const TOPIC: &str = "examples/weather";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

async fn run() -> Result<(), Failure> {
    let address = std::env::args().nth(1).ok_or("mqtt HOST:PORT")?;
    let mut subscriber = client::connect(&address, "subscriber").await?;
    client::subscribe(&mut subscriber, TOPIC).await?;
    println!("subscribed");
    let mut publisher = client::connect(&address, "publisher").await?;
    let large = "x".repeat(5000);
    let messages = ["rain", "sun", large.as_str()];
    for message in messages {
        client::publish(&mut publisher, TOPIC, message).await?;
    }
    println!("published");
    for message in messages {
        let (topic, text) = client::receive(&mut subscriber).await?;
        let start: String = text.chars().take(10).collect();
        println!(
            "{topic}: {start}, {} bytes, as it was sent: {}",
            text.len(),
            text == message
        );
    }
    client::disconnect(subscriber).await?;
    client::disconnect(publisher).await
}

/// By rumqttc, which connects by itself.
#[cfg(not(target_env = "p1"))]
mod client {
    use examples::Failure;
    use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};

    pub(crate) type Client = (AsyncClient, EventLoop);

    pub(crate) async fn connect(address: &str, name: &str) -> Result<Client, Failure> {
        let (host, port) = address.rsplit_once(':').ok_or("HOST:PORT")?;
        let (client, mut events) = AsyncClient::new(MqttOptions::new(name, host, port.parse()?), 10);
        until(&mut events, |event| {
            matches!(event, Event::Incoming(Packet::ConnAck(_)))
        })
        .await?;
        Ok((client, events))
    }

    pub(crate) async fn subscribe((client, events): &mut Client, topic: &str) -> Result<(), Failure> {
        client.subscribe(topic, QoS::AtLeastOnce).await?;
        until(events, |event| {
            matches!(event, Event::Incoming(Packet::SubAck(_)))
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn publish(
        (client, events): &mut Client,
        topic: &str,
        text: &str,
    ) -> Result<(), Failure> {
        client.publish(topic, QoS::AtLeastOnce, false, text).await?;
        until(events, |event| {
            matches!(event, Event::Incoming(Packet::PubAck(_)))
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn receive((_, events): &mut Client) -> Result<(String, String), Failure> {
        let is_message = |event: &Event| matches!(event, Event::Incoming(Packet::Publish(_)));
        match until(events, is_message).await? {
            Event::Incoming(Packet::Publish(message)) => {
                Ok((message.topic, String::from_utf8(message.payload.into())?))
            }
            _ => Err("not a message".into()),
        }
    }

    pub(crate) async fn disconnect((client, mut events): Client) -> Result<(), Failure> {
        client.disconnect().await?;
        until(&mut events, |event| {
            matches!(event, Event::Outgoing(Outgoing::Disconnect))
        })
        .await?;
        Ok(())
    }

    async fn until(
        events: &mut EventLoop,
        is_awaited: impl Fn(&Event) -> bool,
    ) -> Result<Event, ConnectionError> {
        loop {
            let event = events.poll().await?;
            if is_awaited(&event) {
                return Ok(event);
            }
        }
    }
}

/// By rust-mqtt, which is given a connection.
#[cfg(target_env = "p1")]
mod client {
    use embedded_io_adapters::tokio_1::FromTokio;
    use examples::Failure;
    use rust_mqtt::Bytes;
    use rust_mqtt::buffer::AllocBuffer;
    use rust_mqtt::client::event::Event;
    use rust_mqtt::client::options::{
        ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
    };
    use rust_mqtt::types::{MqttString, TopicFilter, TopicName};
    use tokio::net::TcpStream;

    /// How many subscriptions, messages, properties and aliases it has room for.
    pub(crate) type Client =
        rust_mqtt::client::Client<'static, 'static, FromTokio<TcpStream>, AllocBuffer, 1, 1, 1, 1, 1, 0, 0>;

    pub(crate) async fn connect(address: &str, name: &str) -> Result<Client, Failure> {
        let stream = guestnet_guest::tokio::connect(address).await?;
        // The client borrows its buffer; a program has two of them.
        let mut client = Client::new(Box::leak(Box::new(AllocBuffer)));
        let options = ConnectOptions::new().clean_start();
        let name = MqttString::from_str(name).map_err(failure)?;
        client
            .connect(FromTokio::new(stream), &options, Some(name))
            .await
            .map_err(failure)?;
        Ok(client)
    }

    pub(crate) async fn subscribe(client: &mut Client, topic: &str) -> Result<(), Failure> {
        let topic = MqttString::from_str(topic).map_err(failure)?;
        let topic = TopicFilter::new(topic).ok_or("a filter of topics")?;
        client
            .subscribe(topic, &SubscriptionOptions::new().at_least_once())
            .await
            .map_err(failure)?;
        until(client, |event| matches!(event, Event::Suback(_)).then_some(())).await
    }

    pub(crate) async fn publish(client: &mut Client, topic: &str, text: &str) -> Result<(), Failure> {
        let topic = MqttString::from_str(topic).map_err(failure)?;
        let topic = TopicReference::Name(TopicName::new(topic).ok_or("a topic")?);
        let options = PublicationOptions::new(topic).at_least_once();
        client
            .publish(&options, Bytes::from(text.as_bytes()))
            .await
            .map_err(failure)?;
        until(client, |event| {
            matches!(event, Event::PublishAcknowledged(_)).then_some(())
        })
        .await
    }

    pub(crate) async fn receive(client: &mut Client) -> Result<(String, String), Failure> {
        let message = until(client, |event| match event {
            Event::Publish(message) => match &message.topic {
                TopicReference::Name(topic) => {
                    Some((topic.as_ref().as_str().to_owned(), message.message.to_vec()))
                }
                _ => None,
            },
            _ => None,
        });
        let (topic, text) = message.await?;
        Ok((topic, String::from_utf8(text)?))
    }

    pub(crate) async fn disconnect(mut client: Client) -> Result<(), Failure> {
        client
            .disconnect(&DisconnectOptions::new())
            .await
            .map(drop)
            .map_err(failure)
    }

    async fn until<T>(
        client: &mut Client,
        find: impl Fn(&Event<'_, 1, 1>) -> Option<T>,
    ) -> Result<T, Failure> {
        loop {
            if let Some(found) = find(&client.poll().await.map_err(failure)?) {
                return Ok(found);
            }
        }
    }

    /// The crate's errors are none of std's.
    fn failure(error: impl std::fmt::Debug) -> Failure {
        format!("{error:?}").into()
    }
}
